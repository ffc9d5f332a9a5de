// aggregate: the scores of one route's references to the route's score.
//
//   max             the best
//   mean_top        mean of the best min(top_m, count)
//   sum_top         sum of the best min(top_m, count)
//   mean, centroid  mean of all (a centroid's score is that of its one vector)
// Sums are float64, rounded once to float32. Complexity: O(count) for small top_m and up to
// O(count + top_m log top_m) beyond; nothing allocates.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "config/config.h"

namespace semroute::router {

// To float32 without undefined behaviour: beyond the range of float32 it is the largest of its sign, so that
// a score stays finite.
[[nodiscard]] float to_score(double value) noexcept;

// What a threshold is compared as; beyond the range of float32 it is infinite, and nothing or everything passes.
[[nodiscard]] float to_threshold(double value) noexcept;

struct Aggregate {
  float score = 0.0F;
  float nearest = 0.0F;  // the best single score
};

// Preconditions: at least one score; top_m >= 1. Reorders `scores`.
[[nodiscard]] Aggregate aggregate(config::Aggregation aggregation, std::size_t top_m, std::span<float> scores);

}  // namespace semroute::router
