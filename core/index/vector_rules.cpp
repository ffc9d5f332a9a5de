#include "core/index/vector_rules.h"

#include <cmath>
#include <cstdio>
#include <string>

#include "core/base/limits.h"

namespace semroute::core {

namespace {

std::string short_number(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

// The norm in float64, or the rule that is broken.
Result<double> checked_norm(Metric metric, std::size_t dimension, std::span<const float> vector) {
  if (vector.empty()) return Error{ErrorCode::bad_vector, "has no numbers"};
  if (vector.size() != dimension) {
    return Error{ErrorCode::dimension_mismatch,
                 "has " + std::to_string(vector.size()) + " numbers, the index " + std::to_string(dimension)};
  }
  double sum = 0.0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  // Any NaN or infinity makes the sum one; finite floats cannot overflow it.
  if (!std::isfinite(sum)) {
    std::size_t at = 0;
    while (std::isfinite(vector[at])) ++at;
    return Error{ErrorCode::bad_vector, "number " + std::to_string(at) + " is not finite"};
  }
  const double norm = std::sqrt(sum);
  if (norm > kMaxNorm) return Error{ErrorCode::bad_vector, "has norm " + short_number(norm) + ", the most is 1e18"};
  if (metric == Metric::cosine && norm < kMinCosineNorm) {
    return Error{ErrorCode::bad_vector, norm == 0.0
                                            ? "is the zero vector, which has no cosine"
                                            : "has norm " + short_number(norm) + ", under cosine the least is 1e-12"};
  }
  return norm;
}

}  // namespace

Result<void> check_vector(Metric metric, std::size_t dimension, std::span<const float> vector) {
  const auto norm = checked_norm(metric, dimension, vector);
  if (!norm.ok()) return norm.error();
  return {};
}

Result<void> prepare_vector(Metric metric, std::size_t dimension, std::span<const float> vector, std::span<float> out) {
  const auto norm = checked_norm(metric, dimension, vector);
  if (!norm.ok()) return norm.error();
  SEMROUTE_CHECK(out.size() == vector.size());
  const double scale = metric == Metric::cosine ? 1.0 / *norm : 1.0;
  for (std::size_t i = 0; i < vector.size(); ++i) out[i] = static_cast<float>(static_cast<double>(vector[i]) * scale);
  return {};
}

}  // namespace semroute::core
