// DaemonRun: one run of a daemon that may end at any moment, also while it starts.
//
// Lifetime: killed with its DaemonRun if it is still there, and with the test program at the latest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/child_process.h"

namespace semroute::test {

class DaemonRun {
 public:
  // What it says goes to `log_file`, which is emptied first. Extra environment as NAME=VALUE.
  DaemonRun(const std::vector<std::string>& command, std::string log_file,
            const std::vector<std::string>& environment = {});
  ~DaemonRun();
  DaemonRun(const DaemonRun&) = delete;
  DaemonRun& operator=(const DaemonRun&) = delete;

  // Waits until it says where it listens. False when it has ended before; one that does neither is killed.
  [[nodiscard]] bool wait_until_listening(int seconds = 60);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Stops it, and returns once none of its threads goes on. False when it had ended.
  [[nodiscard]] bool stop();
  // Waits for the end and returns the exit code, 128 + signal when a signal ended it; -1 when it is still there after
  // `seconds`.
  [[nodiscard]] int wait(int seconds);
  [[nodiscard]] bool ended() const { return exit_code_ >= 0; }
  [[nodiscard]] int exit_code() const { return exit_code_; }
  [[nodiscard]] std::string log() const { return file_text(log_file_); }
  // Waits until the log holds `text` so many times.
  [[nodiscard]] bool wait_for_log(const std::string& text, int seconds, int times = 1) const;

 private:
  std::string log_file_;
  pid_t pid_ = -1;
  int exit_code_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

}  // namespace semroute::test
