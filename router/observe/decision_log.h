// DecisionLog: one JSON line a decision, written by a thread of its own.
//
// append() copies the line into a bounded buffer (kDecisionLogBufferBytes) and returns; when the disk is
// slower than the decisions, lines are dropped and counted, and service goes on.
// Threads: append(), reopen() and dropped() from any thread. Errors: open() names the file; a failed
// write counts its lines as dropped.
// Lifetime: the destructor writes what is buffered.
#pragma once

#include <atomic>
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
  // Opens the path anew, so that a rotated file is let go.
  void reopen();
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  DecisionLog(std::string path, int fd);
  void run();
  void write_out(const std::string& lines);

  const std::string path_;
  int fd_;  // of the writer thread
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  bool reopen_wanted_ = false;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace semroute::router
