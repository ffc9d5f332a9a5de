#include "core/kernels/metric.h"

#include <cmath>
#include <limits>

namespace semroute::core {

std::string_view to_string(Metric metric) noexcept {
  switch (metric) {
    case Metric::cosine: return "cosine";
    case Metric::dot: return "dot";
    case Metric::euclidean: return "euclidean";
    case Metric::manhattan: return "manhattan";
  }
  return "unknown";
}

std::optional<Metric> parse_metric(std::string_view name) noexcept {
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan})
    if (name == to_string(metric)) return metric;
  return std::nullopt;
}

float score_of_distance(Metric metric, float kernel_value) noexcept {
  const auto value = static_cast<double>(kernel_value);
  return static_cast<float>(1.0 / (1.0 + (metric == Metric::euclidean ? std::sqrt(value) : value)));
}

float lowest_key_of_distance(Metric metric, float score) noexcept {
  // 1 / (1 + distance) in float32 holds the distance to half a unit in the score's last place.
  const double far = 1.0 / static_cast<double>(std::nextafter(score, 0.0F)) - 1.0;
  const double value = metric == Metric::euclidean ? far * far : far;
  return -std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity());
}

}  // namespace semroute::core
