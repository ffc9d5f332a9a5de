// ReloadQueue: who waits for which reload.
//
// A request that is made while a reload runs gets the next one, since the running one may have read the file
// before. However many are made meanwhile, they share that one: a storm costs at most one reload more.
// Threads: one. Bounds: requests without an answer take no room; the others are requests in flight.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace semroute::router {

class ReloadQueue {
 public:
  using Done = std::function<void(core::Result<std::uint64_t>)>;

  // Null: nobody waits for the answer. True when a reload is to be started now.
  [[nodiscard]] bool request(Done done) {
    auto& waiting = running_ ? next_ : waiting_;
    if (done) waiting.push_back(std::move(done));
    wanted_ = wanted_ || running_;
    return !std::exchange(running_, true);
  }

  // Answers those who waited for the reload that ran. True when another is to be started now.
  [[nodiscard]] bool finish(const core::Result<std::uint64_t>& result) {
    const bool again = std::exchange(wanted_, false);
    running_ = again;
    const auto answered = std::exchange(waiting_, std::exchange(next_, {}));
    for (const Done& done : answered) done(result);
    return again;
  }

  [[nodiscard]] bool running() const noexcept { return running_; }

 private:
  bool running_ = false;
  bool wanted_ = false;  // another one, after it
  std::vector<Done> waiting_;
  std::vector<Done> next_;
};

}  // namespace semroute::router
