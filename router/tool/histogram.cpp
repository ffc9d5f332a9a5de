#include "router/tool/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace semroute::router::tool {
namespace {

// Each power of two from 2^8 on is cut into 128 buckets; the first 256 values have their own.
constexpr unsigned kExactBits = 8;
constexpr std::size_t kPerPower = std::size_t{1} << (kExactBits - 1);
constexpr std::size_t kBuckets = (64 - kExactBits + 2) * kPerPower;

std::size_t bucket_of(std::uint64_t value) noexcept {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > kExactBits ? width - kExactBits : 0;
  return shift * kPerPower + static_cast<std::size_t>(value >> shift);
}

// The largest value of the bucket.
std::uint64_t top_of(std::size_t bucket) noexcept {
  if (bucket < 2 * kPerPower) return bucket;
  const std::size_t shift = bucket / kPerPower - 1;
  const std::uint64_t leading = bucket - shift * kPerPower;
  return (leading << shift) + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::record(std::uint64_t value) noexcept {
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const noexcept { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::percentile(double percent) const noexcept {
  if (count_ == 0) return 0;
  const double rank = std::ceil(percent / 100.0 * static_cast<double>(count_));
  const std::uint64_t wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(top_of(i), max_);
  }
  return max_;
}

}  // namespace semroute::router::tool
