#include "tests/support/daemon_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace semroute::test {

namespace {

using Clock = std::chrono::steady_clock;

// More than any drain.timeout of a test, and generous to a sanitizer's report.
constexpr int kDrainSeconds = 60;

// A configuration that says itself where it listens does so first.
std::string with_free_ports(const std::string& yaml) {
  return (yaml.starts_with("listen:") ? "admin: 127.0.0.1:0\n" : "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n") + yaml;
}

std::string read_file(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Starts a program with stdout and stderr in a file.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& output,
            const std::vector<std::string>& environment) {
  std::vector<char*> argv;
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(fd, 1);
  ::dup2(fd, 2);
  for (const auto& e : environment) ::putenv(const_cast<char*>(e.c_str()));
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

int wait_for_exit(pid_t pid, int seconds) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) return exit_code_of(status);
    if (Clock::now() >= end) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::uint16_t port_after(const std::string& log, const std::string& words) {
  const auto at = log.find(words);
  const auto colon = at == std::string::npos ? at : log.find(':', at + words.size());
  if (colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::stoi(log.substr(colon + 1)));
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "semroute-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

void TemporaryFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ + "/" + name, std::ios::binary) << text;
}

Finished run_program(const std::vector<std::string>& arguments, int seconds,
                     const std::vector<std::string>& environment) {
  const TemporaryFolder folder;
  const std::string output = folder.path() + "/output";
  const pid_t pid = spawn(arguments, output, environment);
  int code = wait_for_exit(pid, seconds);
  if (code < 0) {
    ::kill(pid, SIGKILL);
    code = wait_for_exit(pid, kDrainSeconds);
    ADD_FAILURE() << arguments.front() << " did not end within " << seconds << " s";
  }
  return {code, read_file(output)};
}

DaemonProcess::DaemonProcess(const std::string& yaml, const std::vector<std::string>& environment,
                             const std::vector<std::string>& arguments, int start_seconds) {
  rewrite(yaml);
  std::vector<std::string> command{daemon_path(), "--config", config_path()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  pid_ = spawn(command, folder_.path() + "/log", environment);
  const auto give_up = Clock::now() + std::chrono::seconds(start_seconds);
  while (!wait_for_log("listening on ", 0)) {
    if (wait(0) < 0 && Clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    (void)wait(kDrainSeconds);
    throw std::runtime_error("the daemon did not start: " + log());
  }
  port_ = port_after(log(), "listening on ");
  admin_port_ = port_after(log(), "admin on http://");
}

DaemonProcess::~DaemonProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    int code = wait(kDrainSeconds);
    if (code < 0) {
      ::kill(pid_, SIGKILL);
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

void DaemonProcess::signal(int number) const { ::kill(pid_, number); }

int DaemonProcess::wait(int seconds) {
  if (pid_ < 0) return -1;
  const int code = wait_for_exit(pid_, seconds);
  if (code >= 0) pid_ = -1;
  return code;
}

bool DaemonProcess::running() const { return pid_ > 0 && ::kill(pid_, 0) == 0; }

std::string DaemonProcess::log() const { return read_file(folder_.path() + "/log"); }

bool DaemonProcess::wait_for_log(const std::string& text, int seconds, int times) const {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    const std::string all = log();
    int found = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++found;
    // The line is complete once its end is there.
    if (found >= times && all.find('\n', all.rfind(text)) != std::string::npos) return true;
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace semroute::test
