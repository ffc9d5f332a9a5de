// How far a codec's estimates are off on the rows that it learnt from, where no theory says.
//
// Source of the idea: conformal prediction; what holds for some pairs of a sample holds for as large a share of others
// that come from where the sample came from.
// Complexity: O(kCalibrationQueries * (prepare + kCalibrationRows * dimension)). Allocates. Threads: any.
#pragma once

#include <cstddef>

#include "core/quantize/codec.h"
#include "core/quantize/training_rows.h"

namespace semroute::core {

inline constexpr std::size_t kCalibrationQueries = 64;
inline constexpr std::size_t kCalibrationRows = 8'192;

// A number such that |key - estimate| - constant <= number * per_row_error * error for all but 3 in 10,000 pairs of
// training rows, and for all but 1 in 100 pairs of a row with one of its ten nearest, whose errors may be of another
// kind; at least `least`, and `untried` where there are too few rows to tell.
[[nodiscard]] double calibrate(const Codec& codec, Metric metric, const TrainingRows& rows, double least,
                               double untried);

}  // namespace semroute::core
