#include "core/quantize/f16_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/quantize/rounding.h"
#include "core/quantize/row_blocks.h"
#include "core/quantize/training_rows.h"

namespace semroute::core {
namespace {

constexpr std::size_t kMostTrainingRows = 65'536;
constexpr float kLargestHalf = 65'504.0F;
constexpr int kTargetExponent = 8;         // the training rows' largest number becomes less than 2^this
constexpr std::size_t kChunkFloats = 256;  // converted at once, on the stack

F16Kernel kernel_of(Metric metric, const Kernels& kernels) noexcept {
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return kernels.f16_dot;
    case Metric::euclidean: return kernels.f16_l2_squared;
    case Metric::manhattan: return kernels.f16_l1;
  }
  return kernels.f16_dot;
}

// Sums over a vector and over what rounding took from it.
struct Norms {
  double squares = 0.0;
  double absolute = 0.0;

  void add(double number) noexcept {
    squares += number * number;
    absolute += std::fabs(number);
  }
  [[nodiscard]] double length() const noexcept { return std::sqrt(squares); }
};

Norms norms_of(const float* vector, std::size_t dimension) noexcept {
  Norms norms;
  for (std::size_t i = 0; i < dimension; ++i) norms.add(static_cast<double>(vector[i]));
  return norms;
}

class F16Codec final : public Codec {
 public:
  F16Codec(Metric metric, std::size_t dimension, std::span<const float> training_rows, const Kernels& kernels)
      : metric_(metric), dimension_(dimension), kernels_(kernels), kernel_(kernel_of(metric, kernels)) {
    SEMROUTE_CHECK(dimension >= 1 && dimension <= kMaxDimension);
    learn(TrainingRows(training_rows, dimension, kMostTrainingRows));
  }

  [[nodiscard]] std::size_t dimension() const noexcept override { return dimension_; }
  [[nodiscard]] std::size_t row_bytes() const noexcept override {
    return whole_lines(dimension_ * sizeof(std::uint16_t));
  }
  [[nodiscard]] std::size_t query_bytes() const noexcept override { return whole_lines(dimension_ * sizeof(float)); }
  [[nodiscard]] std::size_t bytes() const noexcept override { return sizeof *this; }
  [[nodiscard]] bool proven() const noexcept override { return true; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  void learn(const TrainingRows& rows);
  [[nodiscard]] bool scales_query() const noexcept {
    return metric_ == Metric::euclidean || metric_ == Metric::manhattan;
  }
  [[nodiscard]] float error_of(const Norms& vector, const Norms& halves, const Norms& lost) const noexcept;

  Metric metric_;
  std::size_t dimension_;
  const Kernels& kernels_;
  F16Kernel kernel_;
  float scale_ = 1.0F;  // a power of two
  float inverse_scale_ = 1.0F;
  float key_scale_ = 1.0F;  // a kernel's value times this is a key
  double radius_ = 1.0;     // euclidean: a typical length, see error_of
};

void F16Codec::learn(const TrainingRows& rows) {
  float largest = 0.0F;
  double squares = 0.0;
  for (std::size_t i = 0; i < rows.count(); ++i) {
    const float* row = rows.row(i);
    for (std::size_t j = 0; j < dimension_; ++j) largest = std::max(largest, std::fabs(row[j]));
    squares += norms_of(row, dimension_).squares;
  }
  if (largest > 0.0F) {
    // A query is scaled, too, where its differences are taken: 2^4 times the largest norm still has a square. There
    // scores do not tell distances below 1e-7 apart, so more would gain nothing.
    const int most = scales_query() ? 4 : 100;
    const int exponent = std::clamp(kTargetExponent - (std::ilogb(largest) + 1), -60, most);
    scale_ = std::ldexp(1.0F, exponent);
    inverse_scale_ = std::ldexp(1.0F, -exponent);
    const double mean_square = squares / static_cast<double>(rows.count());
    radius_ = std::max(std::sqrt(mean_square), 0.01);
  }
  switch (metric_) {
    case Metric::cosine:
    case Metric::dot: key_scale_ = inverse_scale_; break;
    case Metric::euclidean: key_scale_ = -inverse_scale_ * inverse_scale_; break;
    case Metric::manhattan: key_scale_ = -inverse_scale_; break;
  }
}

float F16Codec::encode(const float* vector, std::byte* row) const {
  auto* halves = reinterpret_cast<std::uint16_t*>(row);
  Norms whole;
  Norms kept;
  Norms lost;
  float chunk[kChunkFloats];
  for (std::size_t first = 0; first < dimension_; first += kChunkFloats) {
    const std::size_t count = std::min(kChunkFloats, dimension_ - first);
    for (std::size_t i = 0; i < count; ++i)
      chunk[i] = std::clamp(vector[first + i] * scale_, -kLargestHalf, kLargestHalf);
    kernels_.to_f16(chunk, count, halves + first);
    kernels_.from_f16(halves + first, count, chunk);
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = static_cast<double>(vector[first + i]);
      const double half = static_cast<double>(chunk[i]) * static_cast<double>(inverse_scale_);
      whole.add(number);
      kept.add(half);
      lost.add(number - half);
    }
  }
  std::memset(halves + dimension_, 0, row_bytes() - dimension_ * sizeof(std::uint16_t));
  return error_of(whole, kept, lost);
}

// With a query q, a vector x, its halves h, e = x - h and the bound b on rounding, both the key and the estimate
// rounded:
//   dot         |q| |e| + b |q| (|x| + |h|)
//   euclidean   |e| (2 |q| + 2 |x| + |e|) + b (4 |q|^2 + 2 |x|^2 + 2 |h|^2)
//   manhattan   |e|_1 + b (2 |q|_1 + |x|_1 + |h|_1)
// What belongs to the query alone is in prepare(). A codec has one error a row and one factor a query, so for euclidean
// the factor is 2 (|q| + r) with a typical length r, and the row's error makes up for a vector longer than that.
float F16Codec::error_of(const Norms& vector, const Norms& halves, const Norms& lost) const noexcept {
  const double bound = accumulation_bound(dimension_);
  if (metric_ == Metric::manhattan) return round_up(lost.absolute + bound * (vector.absolute + halves.absolute));
  if (metric_ != Metric::euclidean) return round_up(lost.length() + bound * (vector.length() + halves.length()));
  const double longer = std::max(1.0, (2.0 * vector.length() + lost.length()) / (2.0 * radius_));
  return round_up(lost.length() * longer + bound * (vector.squares + halves.squares) / radius_);
}

ErrorTerms F16Codec::prepare(const float* query, std::byte* code) const {
  auto* numbers = reinterpret_cast<float*>(code);
  const float scale = scales_query() ? scale_ : 1.0F;
  for (std::size_t i = 0; i < dimension_; ++i) numbers[i] = query[i] * scale;
  std::memset(numbers + dimension_, 0, query_bytes() - dimension_ * sizeof(float));

  const Norms norms = norms_of(query, dimension_);
  const double bound = accumulation_bound(dimension_);
  const double underflow =
      2.0 * static_cast<double>(dimension_) * kUnderflow * std::max(1.0, static_cast<double>(std::fabs(key_scale_)));
  switch (metric_) {
    case Metric::cosine:
    case Metric::dot: return {.per_row_error = round_up(norms.length()), .constant = round_up(underflow)};
    case Metric::euclidean:
      return {.per_row_error = round_up(2.0 * (norms.length() + radius_)),
              .constant = round_up(4.0 * bound * norms.squares + underflow)};
    case Metric::manhattan:
      return {.per_row_error = 1.0F, .constant = round_up(2.0 * bound * norms.absolute + underflow)};
  }
  return {};
}

void F16Codec::decode(const std::byte* row, float* vector) const {
  kernels_.from_f16(reinterpret_cast<const std::uint16_t*>(row), dimension_, vector);
  for (std::size_t i = 0; i < dimension_; ++i) vector[i] *= inverse_scale_;
}

void F16Codec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  const std::size_t stride = row_bytes() / sizeof(std::uint16_t);
  kernel_.rows(reinterpret_cast<const float*>(code), reinterpret_cast<const std::uint16_t*>(rows), stride, count,
               dimension_, keys);
  for (std::size_t i = 0; i < count; ++i) keys[i] *= key_scale_;
}

void F16Codec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                      float* keys) const {
  const std::size_t stride = row_bytes() / sizeof(std::uint16_t);
  kernel_.gather(reinterpret_cast<const float*>(code), reinterpret_cast<const std::uint16_t*>(base), stride, slots,
                 count, dimension_, keys);
  for (std::size_t i = 0; i < count; ++i) keys[i] *= key_scale_;
}

}  // namespace

std::unique_ptr<Codec> make_f16_codec(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                                      const Kernels& kernels) {
  return std::make_unique<F16Codec>(metric, dimension, training_rows, kernels);
}

}  // namespace semroute::core
