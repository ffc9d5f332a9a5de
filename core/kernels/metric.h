// Metric: how near two vectors are, and the score a user sees for it.
//
//   metric     a kernel computes            score (higher is nearer)
//   cosine     inner product of unit rows   the cosine, in [-1, 1]
//   dot        inner product                the inner product
//   euclidean  squared L2 distance          1 / (1 + sqrt(distance))
//   manhattan  L1 distance                  1 / (1 + distance)
// A key is a kernel value turned so that higher is nearer: itself for inner products, its negative for distances.
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace semroute::core {

enum class Metric : std::uint8_t { cosine, dot, euclidean, manhattan };

[[nodiscard]] std::string_view to_string(Metric metric) noexcept;
[[nodiscard]] std::optional<Metric> parse_metric(std::string_view name) noexcept;

[[nodiscard]] constexpr bool is_inner_product(Metric metric) noexcept {
  return metric == Metric::cosine || metric == Metric::dot;
}
[[nodiscard]] constexpr float key_of(Metric metric, float kernel_value) noexcept {
  return is_inner_product(metric) ? kernel_value : -kernel_value;
}

[[nodiscard]] float score_of_distance(Metric metric, float kernel_value) noexcept;  // euclidean, manhattan
// The score of what the kernel of `metric` computed; monotone in it, so order by one is order by the
// other up to ties that rounding makes.
[[nodiscard]] inline float score_of(Metric metric, float kernel_value) noexcept {
  // Rounding takes the inner product of unit vectors a little over 1.
  if (metric == Metric::cosine) return std::clamp(kernel_value, -1.0F, 1.0F);
  return metric == Metric::dot ? kernel_value : score_of_distance(metric, kernel_value);
}
// The score of a key, which may be an estimate: one that claims to be nearer than can be counts as nearest.
[[nodiscard]] inline float score_of_key(Metric metric, float key) noexcept {
  return score_of(metric, is_inner_product(metric) ? key : std::max(-key, 0.0F));
}
// A key such that none below it scores as high as `score`: the inverse of score_of_key, rounded to the far side.
[[nodiscard]] float lowest_key_of_distance(Metric metric, float score) noexcept;  // euclidean, manhattan
[[nodiscard]] inline float lowest_key_of(Metric metric, float score) noexcept {
  // A clamped cosine stands for whatever rounding made larger.
  if (metric == Metric::cosine) return score <= -1.0F ? -std::numeric_limits<float>::infinity() : score;
  return metric == Metric::dot ? score : lowest_key_of_distance(metric, score);
}

}  // namespace semroute::core
