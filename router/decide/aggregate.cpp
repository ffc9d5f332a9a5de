#include "router/decide/aggregate.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "core/base/check.h"

namespace semroute::router {
namespace {

constexpr double kMaxFloat = std::numeric_limits<float>::max();

constexpr std::size_t kChains = 8;

// In several chains at once, which do not wait for one another.
float nearest_of(std::span<const float> scores) {
  float best[kChains];
  std::fill_n(best, kChains, scores[0]);
  std::size_t i = 0;
  for (; i + kChains <= scores.size(); i += kChains)
    for (std::size_t chain = 0; chain < kChains; ++chain)
      best[chain] = scores[i + chain] > best[chain] ? scores[i + chain] : best[chain];
  for (; i < scores.size(); ++i) best[0] = scores[i] > best[0] ? scores[i] : best[0];
  return *std::max_element(best, best + kChains);
}

double sum_of(std::span<const float> scores) { return std::accumulate(scores.begin(), scores.end(), 0.0); }

// Every score is passed down the list of the best without a branch: scores of few references turn any branch either
// way.
template <std::size_t m>
double sum_of_best(std::span<const float> scores) {
  float best[m];
  std::fill_n(best, m, -std::numeric_limits<float>::infinity());
  for (float score : scores) {
    for (std::size_t i = 0; i < m; ++i) {
      const float larger = score > best[i] ? score : best[i];
      score = score > best[i] ? best[i] : score;
      best[i] = larger;
    }
  }
  return sum_of({best, m});
}

// Best first, so that the sum does not depend on the order of the references.
double sum_of_top(std::span<float> scores, std::size_t m) {
  switch (m) {
    case 1: return double{nearest_of(scores)};
    case 2: return sum_of_best<2>(scores);
    case 3: return sum_of_best<3>(scores);
    case 4: return sum_of_best<4>(scores);
    case 5: return sum_of_best<5>(scores);
    case 6: return sum_of_best<6>(scores);
    case 7: return sum_of_best<7>(scores);
    case 8: return sum_of_best<8>(scores);
    default: break;
  }
  if (m < scores.size())
    std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(m), scores.end(), std::greater<>());
  const auto top = scores.first(m);
  std::sort(top.begin(), top.end(), std::greater<>());
  return sum_of(top);
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
