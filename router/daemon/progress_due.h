// ProgressDue: when something that takes long has to say again how far it is.
//
// Threads: one at a time.
#pragma once

#include <chrono>

namespace semroute::router {

class ProgressDue {
 public:
  // At first so long after this was made, then as often.
  static constexpr std::chrono::seconds kEvery{2};

  // Whether it is now; then the time to the next one begins.
  [[nodiscard]] bool now() {
    const auto time = std::chrono::steady_clock::now();
    if (time - last_ < kEvery) return false;
    last_ = time;
    return true;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace semroute::router
