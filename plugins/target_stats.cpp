#include "plugins/target_stats.h"

#include <algorithm>
#include <bit>

namespace semroute::plugins {

std::string_view to_string(Failure failure) noexcept {
  constexpr std::array<std::string_view, kFailures> kNames{"connect",    "timeout",   "reset", "bad_reply",
                                                           "status_5xx", "cancelled", "other"};
  return kNames[static_cast<std::size_t>(failure)];
}

// Four buckets to each power of two: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ...
std::uint64_t EndpointCounters::bound(std::size_t bucket) noexcept {
  if (bucket < 4) return bucket + 1;
  const std::size_t octave = bucket / 4;
  return (std::uint64_t{4} << (octave - 1U)) + ((bucket % 4 + 1) << (octave - 1U));
}

std::size_t EndpointCounters::bucket_of(std::uint64_t took_us) noexcept {
  if (took_us <= 4) return took_us == 0 ? 0 : took_us - 1;
  const auto octave = static_cast<std::size_t>(std::bit_width(took_us - 1)) - 2;
  const std::size_t quarter = ((took_us - 1) >> (octave - 1U)) - 4;
  return std::min(octave * 4 + quarter, kBuckets - 1);
}

void EndpointCounters::end_ok(std::uint64_t took_us) noexcept {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  took_[bucket_of(took_us)].fetch_add(1, std::memory_order_relaxed);
}

void EndpointCounters::end_failed(Failure failure) noexcept {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  failures_[static_cast<std::size_t>(failure)].fetch_add(1, std::memory_order_relaxed);
}

EndpointStats EndpointCounters::stats() const {
  EndpointStats stats;
  stats.in_flight = in_flight();
  stats.requests = requests_.load(std::memory_order_relaxed);
  stats.retries = retries_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kFailures; ++i) {
    const std::uint64_t count = failures_[i].load(std::memory_order_relaxed);
    if (count > 0) stats.failures.emplace_back(to_string(static_cast<Failure>(i)), count);
  }
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) total += counts[i] = took_[i].load(std::memory_order_relaxed);
  const auto percentile = [&](std::uint64_t percent) -> std::uint64_t {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      below += counts[i];
      if (total > 0 && below * 100 >= total * percent) return bound(i);
    }
    return 0;
  };
  stats.p50_us = percentile(50);
  stats.p90_us = percentile(90);
  stats.p99_us = percentile(99);
  return stats;
}

}  // namespace semroute::plugins
