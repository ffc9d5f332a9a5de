#include "router/routes/route_vector.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/base/limits.h"

namespace semroute::router {
namespace {

using core::Metric;

double norm_of(std::span<const float> values) {
  double sum = 0.0;
  for (const float value : values) sum += double{value} * double{value};
  return std::sqrt(sum);
}

// From the raw rows and in float64 throughout: unit rows rounded to float32 would leave a rounding
// residue where opposite references cancel, and that residue has a direction that means nothing.
std::vector<double> mean_of(Metric metric, std::size_t dimension, std::span<const float> rows) {
  const std::size_t count = rows.size() / dimension;
  std::vector<double> mean(dimension, 0.0);
  for (std::size_t row = 0; row < count; ++row) {
    const std::span<const float> reference = rows.subspan(row * dimension, dimension);
    const double scale = metric == Metric::cosine ? 1.0 / norm_of(reference) : 1.0;
    for (std::size_t i = 0; i < dimension; ++i) mean[i] += scale * double{reference[i]};
  }
  for (double& value : mean) value /= static_cast<double>(count);
  return mean;
}

}  // namespace

core::Result<std::vector<float>> route_vector_of(config::Aggregation aggregation, Metric metric, std::size_t dimension,
                                                 std::span<const float> rows, std::string_view name) {
  const std::vector<double> mean = mean_of(metric, dimension, rows);
  double scale = 1.0;
  if (aggregation == config::Aggregation::centroid && metric == Metric::cosine) {
    const double norm = std::sqrt(std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0));
    if (norm < core::kMinCosineNorm)
      return core::Error{core::ErrorCode::bad_vector,
                         "route \"" + std::string(name) + "\": its " + std::to_string(rows.size() / dimension) +
                             " references cancel each other, so that aggregation `centroid` has no direction for it; "
                             "choose another aggregation or other references"};
    scale = 1.0 / norm;
  }
  std::vector<float> vector(dimension);
  std::transform(mean.begin(), mean.end(), vector.begin(),
                 [scale](double value) { return static_cast<float>(scale * value); });
  return vector;
}

}  // namespace semroute::router
