// What makes a vector acceptable, in one place for references, requests and files.
//
// Rules: exactly `dimension` numbers (dimension_mismatch); every number finite; the norm, computed
// in float64, at most kMaxNorm, and under cosine at least kMinCosineNorm (bad_vector). Nothing is
// corrected: a vector that breaks a rule is refused with the place of the first offence.
// Complexity: O(dimension). Threads: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/base/result.h"
#include "core/kernels/metric.h"

namespace semroute::core {

// Messages name the offence without the caller's word for the vector, e.g. "has 383 numbers, the
// index 384" or "number 17 is not finite"; the caller puts its own word in front.
[[nodiscard]] Result<void> check_vector(Metric metric, std::size_t dimension, std::span<const float> vector);

// Checks, then writes to `out` (vector.size() floats, may alias) the form that an index stores and
// searches with: the unit vector under cosine (norm in float64), the vector itself otherwise. What it has written it
// writes again: prepared vectors may come back from files.
[[nodiscard]] Result<void> prepare_vector(Metric metric, std::size_t dimension, std::span<const float> vector,
                                          std::span<float> out);

// The place of the first number that is beyond what half floats hold (65504).
[[nodiscard]] std::optional<std::size_t> first_beyond_halves(std::span<const float> vector) noexcept;

}  // namespace semroute::core
