#include "router/observe/decision_log.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/limits.h"
#include "router/daemon/log.h"

namespace semroute::router {

namespace {

// O_NONBLOCK matters for pipes alone: neither opening one nor writing to it may wait without an end.
int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

}  // namespace

core::Result<std::unique_ptr<DecisionLog>> DecisionLog::open(const std::string& path) {
  const int fd = open_for_append(path);
  if (fd < 0) {
    return core::Error{core::ErrorCode::unavailable,
                       "cannot write the decision log " + path + ": " + std::strerror(errno)};
  }
  return std::unique_ptr<DecisionLog>(new DecisionLog(path, fd));
}

DecisionLog::DecisionLog(std::string path, int fd) : path_(std::move(path)), fd_(fd), writer_([this] { run(); }) {}

DecisionLog::~DecisionLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_by_ = std::chrono::steady_clock::now() + core::kDecisionLogFlush;
  }
  wake_.notify_one();
  writer_.join();
  ::close(fd_);
}

void DecisionLog::append(std::string_view line) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() + line.size() > core::kDecisionLogBufferBytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    was_empty = pending_.empty();
    pending_.append(line);
  }
  if (was_empty) wake_.notify_one();
}

void DecisionLog::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_wanted_ = true;
  }
  wake_.notify_one();
}

void DecisionLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || reopen_wanted_ || !pending_.empty(); });
    if (pending_.empty() && !reopen_wanted_ && stopping_) return;
    lines.clear();
    std::swap(lines, pending_);
    const bool reopen_now = std::exchange(reopen_wanted_, false);
    lock.unlock();
    write_out(lines);
    if (reopen_now) open_anew();
    lock.lock();
  }
}

void DecisionLog::open_anew() {
  const int fd = open_for_append(path_);
  if (fd < 0) {
    return log_line(LogLevel::error, "the decision log " + path_ +
                                         " cannot be opened anew, the old file is kept: " + std::strerror(errno));
  }
  ::close(fd_);
  fd_ = fd;
  cut_short_ = false;
}

void DecisionLog::write_out(std::string_view lines) {
  std::size_t written = 0;
  while (written < lines.size()) {
    const std::string_view rest = cut_short_ ? std::string_view("\n") : lines.substr(written);
    const auto n = ::write(fd_, rest.data(), rest.size());
    if (n > 0) {
      if (!std::exchange(cut_short_, false)) written += static_cast<std::size_t>(n);
    } else if (n < 0 && errno != EINTR && ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait_for_room())) {
      return give_up(lines, written, errno);
    }
  }
  if (lines.empty() || !std::exchange(failing_, false)) return;
  log_line(LogLevel::info, "the decision log " + path_ + " is written again; " + std::to_string(dropped()) +
                               " lines were dropped in all");
}

void DecisionLog::give_up(std::string_view lines, std::size_t written, int error) {
  cut_short_ = cut_short_ || (written > 0 && lines[written - 1] != '\n');
  const auto lost = std::count(lines.begin() + static_cast<std::ptrdiff_t>(written), lines.end(), '\n');
  dropped_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
  if (std::exchange(failing_, true)) return;
  log_line(LogLevel::error,
           "the decision log " + path_ + " cannot be written, lines are dropped: " + std::strerror(error));
}

// For a pipe that is full. False when there is something better to do than to wait.
bool DecisionLog::wait_for_room() {
  while (true) {
    pollfd room{fd_, POLLOUT, 0};
    const int ready = ::poll(&room, 1, static_cast<int>(core::kDecisionLogPoll.count()));
    if (ready > 0) return true;
    const std::lock_guard lock(mutex_);
    if (reopen_wanted_ || (stopping_ && std::chrono::steady_clock::now() >= stop_by_)) {
      errno = EAGAIN;
      return false;
    }
  }
}

}  // namespace semroute::router
