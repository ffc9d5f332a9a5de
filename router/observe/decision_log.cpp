#include "router/observe/decision_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/limits.h"

namespace semroute::router {

namespace {

int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
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
  }
  wake_.notify_one();
  writer_.join();
  if (fd_ >= 0) ::close(fd_);
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
    if (reopen_now) {
      if (fd_ >= 0) ::close(fd_);
      fd_ = open_for_append(path_);
    }
    lock.lock();
  }
}

void DecisionLog::write_out(const std::string& lines) {
  std::size_t done = 0;
  while (done < lines.size()) {
    const auto n = fd_ < 0 ? -1 : ::write(fd_, lines.data() + done, lines.size() - done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (fd_ < 0 || errno != EINTR) {
      const auto lost = std::count(lines.begin() + static_cast<std::ptrdiff_t>(done), lines.end(), '\n');
      dropped_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
      return;
    }
  }
}

}  // namespace semroute::router
