#include "core/kernels/metric.h"

#include <algorithm>
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

float score_of(Metric metric, float kernel_value) noexcept {
  switch (metric) {
    // Rounding takes the inner product of unit vectors a little over 1.
    case Metric::cosine: return std::clamp(kernel_value, -1.0F, 1.0F);
    case Metric::dot: return kernel_value;
    case Metric::euclidean: return static_cast<float>(1.0 / (1.0 + std::sqrt(static_cast<double>(kernel_value))));
    case Metric::manhattan: return static_cast<float>(1.0 / (1.0 + static_cast<double>(kernel_value)));
  }
  return kernel_value;
}

float score_of_key(Metric metric, float key) noexcept {
  return score_of(metric, is_inner_product(metric) ? key : std::max(-key, 0.0F));
}

float lowest_key_of(Metric metric, float score) noexcept {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // A clamped cosine stands for whatever rounding made larger.
  if (metric == Metric::cosine) return score <= -1.0F ? -kInfinity : score;
  if (metric == Metric::dot) return score;
  // 1 / (1 + distance) in float32 holds the distance to half a unit in the score's last place.
  const double far = 1.0 / static_cast<double>(std::nextafter(score, 0.0F)) - 1.0;
  const double value = metric == Metric::euclidean ? far * far : far;
  return -std::nextafter(static_cast<float>(value), kInfinity);
}

}  // namespace semroute::core
