// TargetStats: what a target tells of itself for `stats` and metrics. EndpointCounters: what it counts of each
// endpoint.
//
// Units: microseconds. Latencies are of requests that got a whole reply, since the start, in four buckets to a power of
// two: a percentile is its bucket's upper bound, at most 25 % too high.
// Threads: counting and reading from any; relaxed atomics. Complexity: counting O(1), stats() O(buckets).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace semroute::plugins {

struct EndpointStats {
  std::string address;
  std::string_view state = "healthy";  // "healthy" | "unhealthy" | "ejected", or the kind's own words
  std::uint64_t in_flight = 0;
  std::uint64_t requests = 0;                                          // tries, sent or not
  std::uint64_t retries = 0;                                           // of those, not the first of their call
  std::vector<std::pair<std::string_view, std::uint64_t>> failures{};  // by kind, those that happened
  std::uint64_t p50_us = 0;
  std::uint64_t p90_us = 0;
  std::uint64_t p99_us = 0;
};

struct TargetStats {
  std::string_view state = "healthy";  // "healthy" | "unavailable" (all endpoints down) | "breaker_open"
  std::uint64_t pending = 0;           // wait for a connection or process
  std::vector<EndpointStats> endpoints{};
};

// How a try failed.
enum class Failure : std::uint8_t { connect, timeout, reset, bad_reply, status_5xx, cancelled, other };
inline constexpr std::size_t kFailures = 7;
[[nodiscard]] std::string_view to_string(Failure failure) noexcept;

class EndpointCounters {
 public:
  void begin(bool is_retry) noexcept {
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    requests_.fetch_add(1, std::memory_order_relaxed);
    if (is_retry) retries_.fetch_add(1, std::memory_order_relaxed);
  }
  // Each ends what one begin() began.
  void end_ok(std::uint64_t took_us) noexcept;
  void end_failed(Failure failure) noexcept;

  [[nodiscard]] std::uint64_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  // All but address and state.
  [[nodiscard]] EndpointStats stats() const;

 private:
  static constexpr std::size_t kBuckets = 128;  // the last: over two hours
  [[nodiscard]] static std::uint64_t bound(std::size_t bucket) noexcept;
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t took_us) noexcept;

  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> retries_{0};
  std::array<std::atomic<std::uint64_t>, kFailures> failures_{};
  std::array<std::atomic<std::uint64_t>, kBuckets> took_{};
};

}  // namespace semroute::plugins
