// route_vector_of: the one vector whose score is a route's, for the aggregations that have one (has_route_vector).
//
// The mean of the references, of unit vectors under cosine, normalised for a cosine `centroid`. Made of the rows as
// they were given and in float64 throughout.
// Complexity: O(rows * dimension). Threads: pure.
// Errors: bad_vector when the references of a cosine centroid cancel each other.
#pragma once

#include <span>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "core/kernels/metric.h"

namespace semroute::router {

// `rows` are one or more references; `name` is the route's.
[[nodiscard]] core::Result<std::vector<float>> route_vector_of(config::Aggregation aggregation, core::Metric metric,
                                                               std::size_t dimension, std::span<const float> rows,
                                                               std::string_view name);

}  // namespace semroute::router
