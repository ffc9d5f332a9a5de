// HttpEjection: whether one endpoint is left out because the last requests to it failed (outlier ejection).
//
//   in --consecutive_failures--> out --its time is over--> (one request: the probe) --ok--> in
//                                 ^                                |
//                                 +----------- failed, longer -----+
//
// Each ejection in a row lasts base_time longer than the one before, up to kHttpLongestEjection or base_time; a
// base_time in which it stays in takes one off again. Requests that began before an ejection do not end or lengthen it.
// Threads: admits(), state() and on_success() of an endpoint that is in from any; the rest under a lock of the
// caller's, which is not needed for as long as nothing fails. No clock of its own: the time is given.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/base/limits.h"
#include "plugins/target.h"

namespace semroute::plugins {

class HttpEjection {
 public:
  enum class State : std::uint8_t { in, out, probing };

  HttpEjection(std::uint32_t consecutive_failures, std::chrono::milliseconds base_time)
      : most_failures_(consecutive_failures), base_time_(base_time) {}

  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }
  // Whether a request may go to it now; where it is not `in`, that is the probe, and has to be claimed.
  [[nodiscard]] bool admits(Clock::time_point now) const noexcept {
    const State state = this->state();
    return state == State::in || (state == State::out && now >= out_until());
  }
  // True: the request that asks is the probe, and its end is to be told with `is_probe`.
  [[nodiscard]] bool claim_probe(Clock::time_point now) noexcept {
    State expected = State::out;
    return now >= out_until() && state_.compare_exchange_strong(expected, State::probing);
  }

  void on_success() noexcept {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  }
  // Whether this failure is the one that should eject it.
  [[nodiscard]] bool on_failure() noexcept {
    if (state() != State::in) return false;
    return failures_.fetch_add(1, std::memory_order_relaxed) + 1 >= most_failures_ && most_failures_ > 0;
  }

  void eject(Clock::time_point now) noexcept {
    if (ejections_ > 0 && state() == State::in) {
      const auto quiet = (now - in_since_) / base_time_;
      ejections_ -= static_cast<std::uint32_t>(std::min<std::int64_t>(ejections_, quiet));
    }
    ++ejections_;
    out_until_.store((now + time_out()).time_since_epoch().count(), std::memory_order_relaxed);
    state_.store(State::out, std::memory_order_release);
  }
  void restore(Clock::time_point now) noexcept {
    failures_.store(0, std::memory_order_relaxed);
    in_since_ = now;
    state_.store(State::in, std::memory_order_release);
  }
  // Of the same endpoint under other settings: it stays out for as long as these would have it out from now on, at
  // most. A probe that is under way tells the other one; this one sends its own.
  void inherit(const HttpEjection& other, Clock::time_point now) noexcept {
    failures_ = other.failures_.load();
    ejections_ = other.ejections_;
    in_since_ = other.in_since_;
    if (other.state() == State::in || most_failures_ == 0) return;
    out_until_ = std::min(other.out_until(), now + time_out()).time_since_epoch().count();
    state_ = State::out;
  }
  // The probe ended without telling anything: another one may go.
  void release_probe() noexcept {
    State expected = State::probing;
    state_.compare_exchange_strong(expected, State::out);
  }

 private:
  [[nodiscard]] Clock::time_point out_until() const noexcept {
    return Clock::time_point(Clock::duration(out_until_.load(std::memory_order_relaxed)));
  }

  [[nodiscard]] std::chrono::milliseconds time_out() const noexcept {
    const auto longest = std::max<std::chrono::milliseconds>(base_time_, core::kHttpLongestEjection);
    return std::min<std::chrono::milliseconds>(base_time_ * ejections_, longest);
  }

  const std::uint32_t most_failures_;  // 0: never
  const std::chrono::milliseconds base_time_;
  std::atomic<State> state_{State::in};
  std::atomic<std::uint32_t> failures_{0};  // in a row
  std::atomic<Clock::rep> out_until_{0};
  std::uint32_t ejections_ = 0;
  Clock::time_point in_since_{};
};

}  // namespace semroute::plugins
