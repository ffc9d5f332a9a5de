#include "tests/support/daemon_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

namespace semroute::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKilledSeconds = 60;  // generous: what was killed ends at once
constexpr std::chrono::milliseconds kPoll{2};

std::uint16_t port_after(const std::string& log, const std::string& words) {
  const auto at = log.find(words);
  const auto colon = at == std::string::npos ? at : log.find(':', at + words.size());
  if (colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::stoi(log.substr(colon + 1)));
}

}  // namespace

DaemonRun::DaemonRun(const std::vector<std::string>& command, std::string log_file,
                     const std::vector<std::string>& environment)
    : log_file_(std::move(log_file)) {
  ::unlink(log_file_.c_str());
  pid_ = spawn_program(command, log_file_, environment);
}

DaemonRun::~DaemonRun() {
  if (ended()) return;
  signal(SIGKILL);
  (void)wait(kKilledSeconds);
}

bool DaemonRun::wait_until_listening(int seconds) {
  const auto give_up = Clock::now() + std::chrono::seconds(seconds);
  while (!wait_for_log("listening on ", 0)) {
    if (wait(0) >= 0) return false;
    if (Clock::now() >= give_up) {
      signal(SIGKILL);
      (void)wait(kKilledSeconds);
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  const std::string all = log();
  port_ = port_after(all, "listening on ");
  admin_port_ = port_after(all, "admin on http://");
  return true;
}

void DaemonRun::signal(int number) const {
  if (!ended()) ::kill(pid_, number);
}

bool DaemonRun::stop() {
  signal(SIGSTOP);
  siginfo_t about{};
  return !ended() && ::waitid(P_PID, static_cast<id_t>(pid_), &about, WSTOPPED | WEXITED | WNOWAIT) == 0 &&
         about.si_code == CLD_STOPPED;
}

int DaemonRun::wait(int seconds) {
  if (!ended()) exit_code_ = wait_for_exit(pid_, seconds);
  return exit_code_;
}

bool DaemonRun::wait_for_log(const std::string& text, int seconds, int times) const {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    const std::string all = log();
    int found = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++found;
    // The line is complete once its end is there.
    if (found >= times && all.find('\n', all.rfind(text)) != std::string::npos) return true;
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace semroute::test
