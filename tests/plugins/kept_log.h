// KeptLog: what the floor logs while the object lives, kept for a test to look at. One at a time.
//
// Threads: lines come from any; text() from any.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "plugins/log.h"

namespace semroute::plugins::test {

class KeptLog {
 public:
  KeptLog() {
    {
      const std::lock_guard lock(mutex_);
      text_.clear();
    }
    set_log_sink([](LogLevel /*level*/, std::string_view message) {
      const std::lock_guard lock(mutex_);
      text_.append(message).append("\n");
    });
  }
  ~KeptLog() { set_log_sink(nullptr); }
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;

  // The lines so far.
  [[nodiscard]] static std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  // A sink is a plain function.
  inline static std::mutex mutex_;
  inline static std::string text_;
};

}  // namespace semroute::plugins::test
