#include "tests/support/daemon_process.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace semroute::test {

namespace {

// More than any drain.timeout of a test, and generous to a sanitizer's report.
constexpr int kDrainSeconds = 60;

// A configuration that says itself where it listens does so first.
std::string with_free_ports(const std::string& yaml) {
  return (yaml.starts_with("listen:") ? "admin: 127.0.0.1:0\n" : "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n") + yaml;
}

}  // namespace

DaemonProcess::DaemonProcess(const std::string& yaml, const std::vector<std::string>& environment,
                             const std::vector<std::string>& arguments, const std::string& program, int start_seconds) {
  rewrite(yaml);
  std::vector<std::string> command{program, "--config", config_path()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  run_ = std::make_unique<DaemonRun>(command, folder_.path() + "/log", environment);
  if (!run_->wait_until_listening(start_seconds)) throw std::runtime_error("the daemon did not start: " + log());
}

DaemonProcess::~DaemonProcess() {
  if (!run_->ended()) {
    run_->signal(SIGTERM);
    run_->signal(SIGCONT);
    int code = wait(kDrainSeconds);
    if (code < 0) {
      run_->signal(SIGKILL);
      code = wait(kDrainSeconds);
      ADD_FAILURE() << "the daemon did not end within " << kDrainSeconds << " s of SIGTERM";
    }
    EXPECT_EQ(code, 0) << "the daemon did not end well";
  }
  if (testing::Test::HasFailure()) std::cout << "the daemon's log:\n" << log() << std::endl;
}

void DaemonProcess::rewrite(const std::string& yaml) const {
  folder_.write("semrouted.yaml.new", with_free_ports(yaml));
  std::filesystem::rename(config_path() + ".new", config_path());
}

bool DaemonProcess::running() const { return !run_->ended() && ::kill(pid(), 0) == 0; }

}  // namespace semroute::test
