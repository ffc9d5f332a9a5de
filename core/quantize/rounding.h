// Bounds on what rounding to float32 does, for the errors that codecs state.
//
// Threads: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

namespace semroute::core {

// A float that is at least `value`; infinity when none is. Precondition: no NaN.
[[nodiscard]] inline float round_up(double value) noexcept {
  if (value > static_cast<double>(std::numeric_limits<float>::max())) return std::numeric_limits<float>::infinity();
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) < value ? std::nextafter(rounded, std::numeric_limits<float>::infinity())
                                              : rounded;
}

// What float32 sums of the kernels over vectors of `dimension` may be off, at most, per sum of the terms' magnitudes.
// Half a unit of the last place for each addition on the longest chain, which has half of the terms in it (the scalar
// set's two sums), and for the few roundings that each term takes before (Higham, Accuracy and Stability of
// Numerical Algorithms, section 4.2).
[[nodiscard]] constexpr double accumulation_bound(std::size_t dimension) noexcept {
  constexpr double kHalfUnit = 0x1p-24;
  return (static_cast<double>(dimension) / 2.0 + 16.0) * kHalfUnit;
}

// Results below the smallest normal number have an absolute error instead of a relative one.
inline constexpr double kUnderflow = std::numeric_limits<float>::min();

}  // namespace semroute::core
