// WorkerCounters: what one worker counts, written by its thread alone and read by anyone.
//
// Single-writer relaxed atomics: an increment is a load and a store, never a locked instruction.
// Units: times in seconds as histogram bounds, in nanoseconds as sums.
// Threads: the worker writes; metrics and stats read at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace semroute::router {

class Count {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The steps of a request that are timed.
enum class Stage : std::uint8_t { decode, search, decide, dispatch };
inline constexpr std::size_t kStageCount = 4;
inline constexpr std::array<const char*, kStageCount> kStageNames{"decode", "search", "decide", "dispatch"};

// Upper bounds of the stage histogram, in nanoseconds; one more bucket follows for the rest.
inline constexpr std::array<std::uint64_t, 16> kStageBoundsNs{
    1'000,     2'500,     5'000,      10'000,      25'000,      50'000,        100'000,       250'000,
    1'000'000, 5'000'000, 25'000'000, 100'000'000, 500'000'000, 1'000'000'000, 5'000'000'000, 30'000'000'000};

class StageHistogram {
 public:
  void observe(std::uint64_t ns) noexcept {
    std::size_t bucket = 0;
    while (bucket < kStageBoundsNs.size() && ns > kStageBoundsNs[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_ns_.add(ns);
  }
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
  [[nodiscard]] std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }

 private:
  std::array<Count, kStageBoundsNs.size() + 1> buckets_;
  Count sum_ns_;
};

struct alignas(64) WorkerCounters {
  Count connections_open;
  Count connections_total;
  Count requests;         // well-formed and not, all verbs
  Count errors;           // error replies
  Count cut_off;          // connections that ended inside a request
  Count timed_out;        // closed by the idle, request or write time-out
  Count output_overflow;  // closed because the client did not read
  Count in_flight;        // requests whose reply is still to come
  std::array<StageHistogram, kStageCount> stages;

  void observe(Stage stage, std::uint64_t ns) noexcept { stages[static_cast<std::size_t>(stage)].observe(ns); }
};

}  // namespace semroute::router
