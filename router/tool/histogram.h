// Histogram: latencies in buckets whose width grows with the value, like HdrHistogram's.
//
// Values are unsigned integers of any unit (bench: nanoseconds). Below 256 they are exact; above,
// a bucket is at most 1/128 of its value wide, so a percentile is at most 0.8 % too high.
// Complexity: record O(1), percentile O(buckets). Memory: 58 KiB. Threads: one; merge afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace semroute::router::tool {

class Histogram {
 public:
  Histogram();
  void record(std::uint64_t value) noexcept;
  void merge(const Histogram& other) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  // The value that `percent` (0..100) of the recorded values do not exceed; 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t percentile(double percent) const noexcept;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0.0;
};

}  // namespace semroute::router::tool
