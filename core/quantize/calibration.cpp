#include "core/quantize/calibration.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace semroute::core {
namespace {

constexpr double kShareOutside = 3e-4;
constexpr double kNearShareOutside = 1e-2;
constexpr std::size_t kNearest = 10;  // of each query
constexpr std::size_t kLeastPairs = 10'000;
constexpr double kMargin = 1.05;  // a quantile of a sample is uncertain itself

double exact_key(Metric metric, const float* query, const float* row, std::size_t dimension) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < dimension; ++i) {
    const auto a = static_cast<double>(query[i]);
    const auto b = static_cast<double>(row[i]);
    switch (metric) {
      case Metric::cosine:
      case Metric::dot: sum += a * b; break;
      case Metric::euclidean: sum -= (a - b) * (a - b); break;
      case Metric::manhattan: sum -= std::fabs(a - b); break;
    }
  }
  return sum;
}

struct alignas(64) Line {
  std::byte bytes[64];
};

struct Pair {
  double key = 0.0;
  double ratio = 0.0;  // of how far the estimate is off to what would be stated
};

// What all but `share` of the pairs stay below. Precondition: not empty. Changes their order.
double ratio_of_all_but(double share, std::vector<Pair>& pairs) {
  const auto place = static_cast<std::ptrdiff_t>(static_cast<double>(pairs.size()) * (1.0 - share));
  const auto at = pairs.begin() + place;
  std::nth_element(pairs.begin(), at, pairs.end(), [](const Pair& a, const Pair& b) { return a.ratio < b.ratio; });
  return at->ratio;
}

}  // namespace

double calibrate(const Codec& codec, Metric metric, const TrainingRows& rows, double least, double untried) {
  const std::size_t count = std::min(rows.count(), kCalibrationRows);
  const std::size_t queries = std::min(rows.count(), kCalibrationQueries);
  std::vector<Line> codes((count * codec.row_bytes()) / sizeof(Line));
  std::vector<float> errors(count);
  for (std::size_t i = 0; i < count; ++i)
    errors[i] = codec.encode(rows.row(i * rows.count() / count), codes[i * codec.row_bytes() / sizeof(Line)].bytes);
  std::vector<Line> query_code(codec.query_bytes() / sizeof(Line));
  std::vector<float> keys(count);
  std::vector<Pair> all;
  std::vector<Pair> near;
  std::vector<Pair> of_query;
  for (std::size_t i = 0; i < queries; ++i) {
    const float* query = rows.row((2 * i + 1) * rows.count() / (2 * queries));
    const ErrorTerms terms = codec.prepare(query, query_code.data()->bytes);
    codec.scan(query_code.data()->bytes, codes.data()->bytes, count, keys.data());
    of_query.clear();
    for (std::size_t j = 0; j < count; ++j) {
      const double stated = static_cast<double>(terms.per_row_error) * static_cast<double>(errors[j]);
      if (!(stated > 0.0) || !std::isfinite(stated)) continue;
      const double key = exact_key(metric, query, rows.row(j * rows.count() / count), rows.dimension());
      const double off = std::fabs(key - static_cast<double>(keys[j])) - static_cast<double>(terms.constant);
      of_query.push_back({.key = key, .ratio = std::max(0.0, off) / stated});
    }
    all.insert(all.end(), of_query.begin(), of_query.end());
    const auto nearest = of_query.begin() + static_cast<std::ptrdiff_t>(std::min(kNearest, of_query.size()));
    std::partial_sort(of_query.begin(), nearest, of_query.end(),
                      [](const Pair& a, const Pair& b) { return a.key > b.key; });
    near.insert(near.end(), of_query.begin(), nearest);
  }
  if (all.size() < kLeastPairs) return untried;
  const double ratio = std::max(ratio_of_all_but(kShareOutside, all), ratio_of_all_but(kNearShareOutside, near));
  return std::max(least, kMargin * ratio);
}

}  // namespace semroute::core
