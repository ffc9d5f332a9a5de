// HttpRetryBudget: how many retries a target may make, as a share of its requests of the last 10 s, plus a few.
//
// When everything fails, every request would like to be sent again; the budget keeps that from multiplying the load.
// Counted in slots of a second: requests of up to a second less than the window, retries of up to a second more, so
// that there are never more retries than what is said. Threads: any; on_request() takes no lock. No clock of its own:
// the time is given.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/base/limits.h"
#include "plugins/target.h"

namespace semroute::plugins {

class HttpRetryBudget {
 public:
  HttpRetryBudget(double percent, std::size_t min) : share_(percent / 100.0), min_(min) {}

  // A request, not a retry, has begun.
  void on_request(Clock::time_point now) noexcept { requests_.add(second_of(now)); }

  // Whether one more retry is in the budget; it then counts.
  [[nodiscard]] bool take(Clock::time_point now) noexcept {
    const std::lock_guard lock(mutex_);
    const std::uint32_t second = second_of(now);
    const double most = share_ * static_cast<double>(requests_.sum(second, kSlots - 1)) + static_cast<double>(min_);
    if (static_cast<double>(retries_.sum(second, kSlots)) + 1 > most) return false;
    retries_.add(second);
    return true;
  }

 private:
  static constexpr std::size_t kSlots = core::kHttpRetryWindow.count() + 1;

  // Counts of the last seconds, each with the second that it is of in its upper half.
  class Window {
   public:
    void add(std::uint32_t second) noexcept {
      std::atomic<std::uint64_t>& slot = slots_[second % kSlots];
      std::uint64_t old = slot.load(std::memory_order_relaxed);
      for (;;) {
        const bool is_current = old >> 32U == second;
        const std::uint64_t next = is_current ? old + 1 : (std::uint64_t{second} << 32U) + 1;
        if (slot.compare_exchange_weak(old, next, std::memory_order_relaxed)) return;
      }
    }
    [[nodiscard]] std::uint64_t sum(std::uint32_t second, std::size_t seconds) const noexcept {
      std::uint64_t sum = 0;
      for (const auto& slot : slots_) {
        const std::uint64_t value = slot.load(std::memory_order_relaxed);
        if (second - static_cast<std::uint32_t>(value >> 32U) < seconds) sum += value & 0xffffffffU;
      }
      return sum;
    }

   private:
    std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
  };

  [[nodiscard]] static std::uint32_t second_of(Clock::time_point now) noexcept {
    // From one on: an empty slot is of second 0.
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() +
                                      static_cast<std::int64_t>(kSlots));
  }

  const double share_;
  const std::size_t min_;
  Window requests_;
  Window retries_;
  std::mutex mutex_;
};

}  // namespace semroute::plugins
