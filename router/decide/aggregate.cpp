#include "router/decide/aggregate.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>

#include "core/base/check.h"

namespace semroute::router {
namespace {

constexpr double kMaxFloat = std::numeric_limits<float>::max();

// Up to here an insertion buffer beats selecting: almost every score ends at the first comparison.
constexpr std::size_t kInsertionMost = 16;

float nearest_of(std::span<const float> scores) { return *std::max_element(scores.begin(), scores.end()); }

double sum_of(std::span<const float> scores) { return std::accumulate(scores.begin(), scores.end(), 0.0); }

// Best first, so that the sum does not depend on the order of the references.
double sum_of_top(std::span<float> scores, std::size_t m) {
  if (m > kInsertionMost) {
    if (m < scores.size())
      std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(m), scores.end(), std::greater<>());
    const auto top = scores.first(m);
    std::sort(top.begin(), top.end(), std::greater<>());
    return sum_of(top);
  }
  std::array<float, kInsertionMost> best;
  best.fill(-std::numeric_limits<float>::infinity());
  for (const float score : scores) {
    if (!(score > best[m - 1])) continue;
    std::size_t at = m - 1;
    for (; at > 0 && best[at - 1] < score; --at) best[at] = best[at - 1];
    best[at] = score;
  }
  return sum_of(std::span<const float>(best).first(m));
}

}  // namespace

float to_score(double value) noexcept { return static_cast<float>(std::clamp(value, -kMaxFloat, kMaxFloat)); }

float to_threshold(double value) noexcept {
  if (value > kMaxFloat) return std::numeric_limits<float>::infinity();
  if (value < -kMaxFloat) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

Aggregate aggregate(config::Aggregation aggregation, std::size_t top_m, std::span<float> scores) {
  SEMROUTE_CHECK(!scores.empty() && top_m > 0);
  const float nearest = nearest_of(scores);
  const std::size_t m = std::min(top_m, scores.size());
  switch (aggregation) {
    case config::Aggregation::max: return {nearest, nearest};
    case config::Aggregation::mean_top: return {to_score(sum_of_top(scores, m) / static_cast<double>(m)), nearest};
    case config::Aggregation::sum_top: return {to_score(sum_of_top(scores, m)), nearest};
    case config::Aggregation::mean:
    case config::Aggregation::centroid: return {to_score(sum_of(scores) / static_cast<double>(scores.size())), nearest};
  }
  SEMROUTE_CHECK(false);
  return {};
}

}  // namespace semroute::router
