#include "core/quantize/pq_l1_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/quantize/calibration.h"
#include "core/quantize/pq_codec.h"
#include "core/quantize/product_codebook.h"
#include "core/quantize/rounding.h"
#include "core/quantize/row_blocks.h"
#include "core/quantize/training_rows.h"

namespace semroute::core {
namespace {

constexpr double kMostError = 2.0;  // times E, always
constexpr double kUntriedError = 0.7;
constexpr double kUnlikeTraining = 1.5;  // times the most that was lost of a training row
constexpr double kMostStretch = 4.0;

// Of d independent errors of one size and either sign the sum's deviation is about 1.25 / sqrt(d) of the sum of their
// sizes. Training rows that their centroids fit exactly, as few rows do, tell no more than this; 3.5 deviations.
double least_error(std::size_t dimension) noexcept {
  return std::min(kMostError, 3.5 * 1.25 / std::sqrt(static_cast<double>(dimension)));
}

struct Factors {
  float lost = 0.0F;     // E
  float stretch = 1.0F;  // f
};

class PqL1Codec final : public Codec {
 public:
  PqL1Codec(std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed, const Kernels& kernels);

  [[nodiscard]] std::size_t dimension() const noexcept override { return codebook_.dimension(); }
  [[nodiscard]] std::size_t row_bytes() const noexcept override { return whole_lines(factors_at() + sizeof(Factors)); }
  [[nodiscard]] std::size_t query_bytes() const noexcept override {
    return codebook_.subspaces() * ProductCodebook::kCentroids * sizeof(float);
  }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return sizeof *this + centre_.size() * sizeof(float) + codebook_.bytes();
  }
  [[nodiscard]] bool proven() const noexcept override { return false; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  void learn_scale(const TrainingRows& rows);
  void scale(const float* vector, float* scaled) const noexcept;

  [[nodiscard]] std::size_t factors_at() const noexcept { return (codebook_.subspaces() + 3) / 4 * 4; }
  [[nodiscard]] float key(const std::byte* row, float table) const noexcept {
    Factors factors;
    std::memcpy(&factors, row + factors_at(), sizeof factors);
    const float nearer = table - factors.lost;
    const float farther = table + factors.lost;
    const float distance = std::sqrt(factors.stretch * std::max(nearer, 0.0F)) * std::sqrt(farther);
    return -std::min(std::max(distance, std::fabs(nearer)), farther);
  }

  ProductCodebook codebook_;
  std::vector<float> centre_;  // scaled
  PqKernel kernel_;
  float scale_ = 1.0F;  // a power of two that makes the training rows' numbers less than 1
  float inverse_scale_ = 1.0F;
  double most_lost_ = 0.0;  // of a row that is like the training rows
  double error_ = 1.0;      // times E
};

// The errors that calibrate() sees are E itself.
PqL1Codec::PqL1Codec(std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
                     const Kernels& kernels)
    : codebook_(dimension, pq_subspaces(dimension)), centre_(dimension), kernel_(kernels.pq_sum) {
  SEMROUTE_CHECK(dimension <= kMaxDimension);
  const TrainingRows rows(training_rows, dimension, pq_training_rows(dimension));
  learn_scale(rows);
  std::vector<float> scaled(rows.count() * dimension);
  std::vector<double> sums(dimension);
  for (std::size_t i = 0; i < rows.count(); ++i) {
    scale(rows.row(i), &scaled[i * dimension]);
    for (std::size_t j = 0; j < dimension; ++j) sums[j] += static_cast<double>(scaled[i * dimension + j]);
  }
  for (std::size_t j = 0; j < dimension && rows.count() > 0; ++j)
    centre_[j] = static_cast<float>(sums[j] / static_cast<double>(rows.count()));
  codebook_.train(scaled, seed);

  most_lost_ = std::numeric_limits<double>::infinity();
  const double least = least_error(dimension);
  const double error = calibrate(*this, Metric::manhattan, rows, least, std::max(least, kUntriedError));
  std::vector<std::byte> row(row_bytes());
  double most_lost = 0.0;
  for (std::size_t i = 0; i < rows.count(); ++i)
    most_lost = std::max(most_lost, static_cast<double>(encode(rows.row(i), row.data())));
  error_ = std::min(error, kMostError);
  most_lost_ = kUnlikeTraining * most_lost;
}

void PqL1Codec::learn_scale(const TrainingRows& rows) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < rows.count(); ++i)
    for (std::size_t j = 0; j < rows.dimension(); ++j) largest = std::max(largest, std::fabs(rows.row(i)[j]));
  if (largest == 0.0F) return;
  // 2^40 times the largest norm is still far from overflow, and scores do not tell distances below 1e-7 apart.
  const int exponent = std::clamp(-(std::ilogb(largest) + 1), -100, 40);
  scale_ = std::ldexp(1.0F, exponent);
  inverse_scale_ = std::ldexp(1.0F, -exponent);
}

void PqL1Codec::scale(const float* vector, float* scaled) const noexcept {
  for (std::size_t i = 0; i < dimension(); ++i) scaled[i] = vector[i] * scale_;
}

float PqL1Codec::encode(const float* vector, std::byte* row) const {
  float scaled[kMaxDimension];
  scale(vector, scaled);
  std::memset(row, 0, row_bytes());
  auto* codes = reinterpret_cast<std::uint8_t*>(row);
  codebook_.encode(scaled, codes);
  double lost = 0.0;
  double size = 0.0;
  double squares = 0.0;
  double product = 0.0;
  for (std::size_t i = 0; i < dimension(); ++i) {
    const auto number = static_cast<double>(vector[i]);
    const auto code = static_cast<double>(codebook_.number(codes, i));
    const auto centre = static_cast<double>(centre_[i]);
    lost += std::fabs(number - code * static_cast<double>(inverse_scale_));
    size += std::fabs(number);
    squares += (static_cast<double>(scaled[i]) - centre) * (static_cast<double>(scaled[i]) - centre);
    product += (static_cast<double>(scaled[i]) - centre) * (code - centre);
  }
  Factors factors{.lost = static_cast<float>(lost)};
  if (product > 0.0) factors.stretch = static_cast<float>(std::clamp(squares / product, 1.0, kMostStretch));
  std::memcpy(row + factors_at(), &factors, sizeof factors);
  const double error = lost + 8.0 * kKernelErrorBound * size / error_ + kUnderflow;
  return round_up(lost <= most_lost_ ? error : error * kMostError / error_);
}

void PqL1Codec::decode(const std::byte* row, float* vector) const {
  codebook_.decode(reinterpret_cast<const std::uint8_t*>(row), vector);
  for (std::size_t i = 0; i < dimension(); ++i) vector[i] *= inverse_scale_;
}

ErrorTerms PqL1Codec::prepare(const float* query, std::byte* code) const {
  float scaled[kMaxDimension];
  scale(query, scaled);
  codebook_.l1_table(scaled, inverse_scale_, reinterpret_cast<float*>(code));
  double size = 0.0;
  for (std::size_t i = 0; i < dimension(); ++i) size += std::fabs(static_cast<double>(query[i]));
  return {.per_row_error = round_up(error_), .constant = round_up(8.0 * kKernelErrorBound * size + kUnderflow)};
}

void PqL1Codec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  const auto* table = reinterpret_cast<const float*>(code);
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    const std::byte* at = rows + first * row_bytes();
    kernel_.rows(table, reinterpret_cast<const std::uint8_t*>(at), row_bytes(), block, codebook_.subspaces(),
                 keys + first);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(at + i * row_bytes(), keys[first + i]);
  });
}

void PqL1Codec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                       float* keys) const {
  const auto* table = reinterpret_cast<const float*>(code);
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    kernel_.gather(table, reinterpret_cast<const std::uint8_t*>(base), row_bytes(), slots + first, block,
                   codebook_.subspaces(), keys + first);
    for (std::size_t i = first; i < first + block; ++i) keys[i] = key(base + slots[i] * row_bytes(), keys[i]);
  });
}

}  // namespace

std::unique_ptr<Codec> make_pq_l1_codec(std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
                                        const Kernels& kernels) {
  return std::make_unique<PqL1Codec>(dimension, training_rows, seed, kernels);
}

}  // namespace semroute::core
