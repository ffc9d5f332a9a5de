#include "plugins/targets/exec/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

namespace semroute::plugins {
namespace {

using core::ErrorCode;

core::Error system_error(const char* call) {
  const int number = errno;
  const ErrorCode code = number == EMFILE || number == ENFILE || number == ENOMEM || number == EAGAIN
                             ? ErrorCode::resource_exhausted
                         : number == ENOENT ? ErrorCode::not_found
                         : number == EACCES ? ErrorCode::forbidden
                                            : ErrorCode::internal;
  return {code, std::string(call) + ": " + std::strerror(number)};
}

// The child's end and ours; both beyond the three that the child's pipes are copied to.
struct Pipe {
  Descriptor child;
  Descriptor ours;
};

bool make_pipe(bool child_reads, Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  for (int& end : ends) {
    if (end > 2) continue;
    const int above = ::fcntl(end, F_DUPFD_CLOEXEC, 3);
    ::close(end);
    end = above;
  }
  pipe.child = Descriptor(ends[child_reads ? 0 : 1]);
  pipe.ours = Descriptor(ends[child_reads ? 1 : 0]);
  return ends[0] > 2 && ends[1] > 2 && ::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) == 0;
}

// All that the child needs, made before it is there.
struct Launch {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* folder = nullptr;
  int input = -1;
  int output = -1;
  int errors = -1;
  rlimit core_bytes{0, 0};
  rlimit open_files{0, 0};
  rlimit memory{RLIM_INFINITY, RLIM_INFINITY};
  pid_t parent = -1;
  sigset_t no_signals{};
  // Written by the child, which shares this memory until it is another program.
  const char* volatile failed_call = nullptr;
  volatile int failure = 0;
};

// What the child does: the calls of signal-safety(7) alone.
[[noreturn]] void become(Launch& launch) noexcept {
  const auto must = [&](bool done, const char* call) {
    if (done) return;
    launch.failed_call = call;
    launch.failure = errno;
    ::_exit(127);
  };
  must(::setpgid(0, 0) == 0, "setpgid");
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
  if (::getppid() != launch.parent) ::_exit(127);
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl");
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) (void)::sigaction(number, &by_default, nullptr);
  must(::sigprocmask(SIG_SETMASK, &launch.no_signals, nullptr) == 0, "sigprocmask");
  must(::dup2(launch.input, 0) == 0 && ::dup2(launch.output, 1) == 1 && ::dup2(launch.errors, 2) == 2, "dup2");
  if (launch.folder != nullptr) must(::chdir(launch.folder) == 0, "chdir");
  must(::setrlimit(RLIMIT_CORE, &launch.core_bytes) == 0, "setrlimit");
  must(::setrlimit(RLIMIT_NOFILE, &launch.open_files) == 0, "setrlimit");
  if (launch.memory.rlim_cur != RLIM_INFINITY) must(::setrlimit(RLIMIT_AS, &launch.memory) == 0, "setrlimit");
  must(::syscall(SYS_close_range, 3U, ~0U, 0U) == 0, "close_range");
  ::execve(launch.program, launch.arguments, launch.environment);
  must(false, "execve");
  ::_exit(127);
}

// vfork returns twice into a frame of its own, which holds nothing that the child could change.
[[gnu::noinline]] pid_t launch_child(Launch& launch) {
  const pid_t pid = ::vfork();  // NOLINT: what the child may do is kept to above
  if (pid == 0) become(launch);
  return pid;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

core::Result<Subprocess> Subprocess::start(const ExecSettings& settings) {
  Pipe input;
  Pipe output;
  Pipe errors;
  if (!make_pipe(true, input) || !make_pipe(false, output) || !make_pipe(false, errors)) return system_error("pipe2");

  const std::vector<char*> arguments = pointers_to(settings.command);
  const std::vector<char*> environment = pointers_to(settings.environment);
  Launch launch;
  launch.program = settings.command.front().c_str();
  launch.arguments = arguments.data();
  launch.environment = environment.data();
  if (!settings.folder.empty()) launch.folder = settings.folder.c_str();
  launch.input = input.child.get();
  launch.output = output.child.get();
  launch.errors = errors.child.get();
  rlimit own{};
  (void)::getrlimit(RLIMIT_NOFILE, &own);  // beyond its own hard limit only root can go
  launch.open_files.rlim_cur = launch.open_files.rlim_max = std::min<rlim_t>(settings.open_files, own.rlim_max);
  if (settings.memory_bytes) launch.memory = {*settings.memory_bytes, *settings.memory_bytes};
  launch.parent = ::getpid();
  ::sigemptyset(&launch.no_signals);

  // A handler of ours must not run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = launch_child(launch);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    errno = fork_error;
    return system_error("vfork");
  }
  Subprocess process;
  process.pid_ = pid;
  if (launch.failed_call != nullptr) {
    errno = launch.failure;
    return system_error(launch.failed_call);
  }
  process.ended = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (process.ended.get() < 0) return system_error("pidfd_open");
  process.input = std::move(input.ours);
  process.output = std::move(output.ours);
  process.errors = std::move(errors.ours);
  return process;
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : input(std::move(other.input)),
      output(std::move(other.output)),
      errors(std::move(other.errors)),
      ended(std::move(other.ended)),
      pid_(std::exchange(other.pid_, -1)) {}

Subprocess::~Subprocess() {
  if (pid_ < 0) return;
  kill();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// Until it is reaped, its number and its group's belong to nobody else.
void Subprocess::terminate() const noexcept {
  if (pid_ > 0) (void)::kill(-pid_, SIGTERM);
}

void Subprocess::kill() const noexcept {
  if (pid_ > 0) (void)::kill(-pid_, SIGKILL);
}

std::optional<std::string> Subprocess::reap() noexcept {
  if (pid_ < 0) return std::nullopt;
  siginfo_t info{};
  // Looked at first and reaped last: what is left of the group must be killed while the number is still ours.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  kill();
  int status = 0;
  (void)::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

std::optional<std::string> find_program(const std::string& word, const std::string& folder) {
  const auto can_run = [](const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
  };
  if (word.find('/') != std::string::npos) {
    const std::string path = word.starts_with('/') || folder.empty() ? word : folder + '/' + word;
    return can_run(path) ? std::optional(path) : std::nullopt;
  }
  const char* listed = std::getenv("PATH");
  std::istringstream folders(listed != nullptr ? listed : "/usr/local/bin:/usr/bin:/bin");
  for (std::string one; std::getline(folders, one, ':');) {
    if (!one.starts_with('/')) continue;
    one.append("/").append(word);
    if (can_run(one)) return one;
  }
  return std::nullopt;
}

}  // namespace semroute::plugins
