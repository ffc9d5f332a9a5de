// DecisionLog: one JSON line a decision, written by a thread of its own.
//
// append() copies the line into a bounded buffer (kDecisionLogBufferBytes) and returns; when the disk is
// slower than the decisions, lines are dropped and counted, and service goes on. A write that fails drops its
// lines too; the first of them is logged, and that it works again. A line that was cut short is ended, so that the next
// one stands alone. The file may be a pipe whose reader is there.
// Threads: append(), reopen() and dropped() from any thread. Errors: open() names the file.
// Lifetime: the destructor writes what is buffered, for at most kDecisionLogFlush.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.h"

namespace semroute::router {

class DecisionLog {
 public:
  // Opens (appending, created with mode 0640) and starts the writer.
  [[nodiscard]] static core::Result<std::unique_ptr<DecisionLog>> open(const std::string& path);
  ~DecisionLog();
  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  // `line` ends with "\n".
  void append(std::string_view line);
  // Opens the path anew, so that a rotated file is let go; the old one stays when that fails, which is logged.
  void reopen();
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  DecisionLog(std::string path, int fd);
  void run();
  void write_out(std::string_view lines);
  void give_up(std::string_view lines, std::size_t written, int error);
  [[nodiscard]] bool wait_for_room();
  void open_anew();

  const std::string path_;
  // Of the writer thread.
  int fd_;
  bool cut_short_ = false;  // the file ends inside a line
  bool failing_ = false;    // since a failure that was logged
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  bool reopen_wanted_ = false;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stop_by_;
  std::thread writer_;
};

}  // namespace semroute::router
