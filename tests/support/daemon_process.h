// DaemonProcess: the real semrouted on a configuration of the test's own, on free ports.
//
// Writes the configuration into a folder of its own (removed at the end), starts the daemon, waits until it
// says where it listens. Lifetime: the daemon ends with its DaemonProcess, and with the test program at the latest.
// Errors: a daemon that does not start throws; one that has crashed, reports at its end what a sanitizer found or
// does not drain is a failure of the test, and the log of a failed test's daemon is printed.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/places.h"

namespace semroute::test {

// A folder that is removed with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

struct Finished {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string output;  // stdout and stderr
};

// Runs a program to its end (at most `seconds`; killed after that, which is a failure of the test).
[[nodiscard]] Finished run_program(const std::vector<std::string>& arguments, int seconds = 60,
                                   const std::vector<std::string>& environment = {});

class DaemonProcess {
 public:
  // `yaml` without `admin`, and without `listen` unless it begins with that: free ports are put in front. Extra
  // environment as NAME=VALUE. It has `start_seconds` to load what the configuration names.
  explicit DaemonProcess(const std::string& yaml, const std::vector<std::string>& environment = {},
                         const std::vector<std::string>& arguments = {}, int start_seconds = 60);
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }
  [[nodiscard]] std::string config_path() const { return folder_.path() + "/semrouted.yaml"; }
  // Replaces the configuration file (the same listen and admin lines in front).
  void rewrite(const std::string& yaml) const;
  void signal(int number) const;
  // Waits for the end and returns the exit code; -1 when it is still there after `seconds`.
  // A daemon that the test ends itself is waited for here, or its end is taken for a crash.
  [[nodiscard]] int wait(int seconds);
  [[nodiscard]] bool running() const;
  [[nodiscard]] std::string log() const;
  // Waits until the log holds `text`.
  [[nodiscard]] bool wait_for_log(const std::string& text, int seconds = 60, int times = 1) const;

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

}  // namespace semroute::test
