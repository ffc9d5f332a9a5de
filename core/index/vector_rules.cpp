#include "core/index/vector_rules.h"

#include <cmath>
#include <cstdio>
#include <string>

#include "core/base/limits.h"

namespace semroute::core {
namespace {

// Four sums, because one waits for each addition. A float32 squared cannot overflow a float64, so the
// result is finite exactly when every number is.
double squared_norm(std::span<const float> vector) noexcept {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= vector.size(); i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const double number = vector[i + lane];
      sums[lane] += number * number;
    }
  for (; i < vector.size(); ++i) sums[0] += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// A unit vector rounded to float32 has a norm this near to 1 (each number is off by 2^-24 of itself at most). Such a
// one is left as it is, so that what was prepared once, and comes again, is the same bit for bit.
constexpr double kUnitTolerance = 0x1.00001p-24;

std::string text(double number) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", number);
  return buffer;
}

Result<double> checked_norm(Metric metric, std::size_t dimension, std::span<const float> vector) {
  if (vector.empty()) return Error{ErrorCode::bad_vector, "has no numbers, the index " + std::to_string(dimension)};
  if (vector.size() != dimension)
    return Error{ErrorCode::dimension_mismatch,
                 "has " + std::to_string(vector.size()) + " numbers, the index " + std::to_string(dimension)};
  const double norm = std::sqrt(squared_norm(vector));
  if (!std::isfinite(norm)) {
    std::size_t place = 0;
    while (std::isfinite(vector[place])) ++place;
    return Error{ErrorCode::bad_vector, "number " + std::to_string(place) + " is not finite"};
  }
  if (norm > kMaxNorm)
    return Error{ErrorCode::bad_vector, "has the norm " + text(norm) + ", at most " + text(kMaxNorm) + " is accepted"};
  if (metric == Metric::cosine && norm < kMinCosineNorm)
    return Error{ErrorCode::bad_vector, "has the norm " + text(norm) +
                                            ", which has no direction for cosine (at least " + text(kMinCosineNorm) +
                                            " is accepted)"};
  return norm;
}

}  // namespace

Result<void> check_vector(Metric metric, std::size_t dimension, std::span<const float> vector) {
  const Result<double> norm = checked_norm(metric, dimension, vector);
  if (!norm.ok()) return norm.error();
  return {};
}

Result<void> prepare_vector(Metric metric, std::size_t dimension, std::span<const float> vector, std::span<float> out) {
  SEMROUTE_CHECK(out.size() == vector.size());
  const Result<double> norm = checked_norm(metric, dimension, vector);
  if (!norm.ok()) return norm.error();
  const bool is_scaled = metric == Metric::cosine && std::fabs(*norm - 1.0) > kUnitTolerance;
  const double scale = is_scaled ? 1.0 / *norm : 1.0;
  for (std::size_t i = 0; i < vector.size(); ++i) out[i] = static_cast<float>(vector[i] * scale);
  return {};
}

std::optional<std::size_t> first_beyond_halves(std::span<const float> vector) noexcept {
  constexpr float kLargestHalf = 65'504.0F;
  for (std::size_t i = 0; i < vector.size(); ++i)
    if (std::fabs(vector[i]) > kLargestHalf) return i;
  return std::nullopt;
}

}  // namespace semroute::core
