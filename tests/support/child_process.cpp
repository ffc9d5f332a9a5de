#include "tests/support/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace semroute::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKilledSeconds = 60;  // generous: what was killed ends at once

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

pid_t spawn_program(const std::vector<std::string>& arguments, const std::string& output,
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
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

int wait_for_exit(pid_t pid, int seconds) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) return exit_code_of(status);
    if (Clock::now() >= end) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::string file_text(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Finished run_program(const std::vector<std::string>& arguments, int seconds,
                     const std::vector<std::string>& environment) {
  const TemporaryFolder folder;
  const std::string output = folder.path() + "/output";
  const pid_t pid = spawn_program(arguments, output, environment);
  int code = wait_for_exit(pid, seconds);
  if (code < 0) {
    ::kill(pid, SIGKILL);
    code = wait_for_exit(pid, kKilledSeconds);
    ADD_FAILURE() << arguments.front() << " did not end within " << seconds << " s";
  }
  return {code, file_text(output)};
}

std::string memory_folder() {
  return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path().string();
}

TemporaryFolder::TemporaryFolder() : TemporaryFolder(std::filesystem::temp_directory_path()) {}

TemporaryFolder::TemporaryFolder(const std::string& where) {
  std::string pattern = where + "/semroute-test-XXXXXX";
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

}  // namespace semroute::test
