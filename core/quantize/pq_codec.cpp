#include "core/quantize/pq_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/quantize/calibration.h"
#include "core/quantize/pq_l1_codec.h"
#include "core/quantize/product_codebook.h"
#include "core/quantize/residual_frame.h"
#include "core/quantize/rounding.h"
#include "core/quantize/row_blocks.h"
#include "core/quantize/training_rows.h"

namespace semroute::core {
namespace {

// A query is kept in full; this covers its rounding and is little beside what a code loses.
constexpr double kUsualQueryLoss = 0.003;
constexpr double kLeastDeviations = 3.5;
constexpr double kUntriedDeviations = 5.0;
constexpr double kUnlikeTraining = 1.5;  // times the most that was lost of a training row

struct alignas(64) Head {
  float offset = 0.0F;
};

// The share of a direction's square that its code does not say.
double lost(const ResidualFrame::Fit& fit) noexcept {
  return fit.square > 0.0 ? 1.0 - fit.product * fit.product / fit.square : 1.0;
}

class PqCodec final : public Codec {
 public:
  PqCodec(Metric metric, std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
          const Kernels& kernels);

  [[nodiscard]] std::size_t dimension() const noexcept override { return frame_.dimension(); }
  [[nodiscard]] std::size_t row_bytes() const noexcept override {
    return whole_lines(factors_at() + sizeof(RowFactors));
  }
  [[nodiscard]] std::size_t query_bytes() const noexcept override {
    return sizeof(Head) + codebook_.subspaces() * ProductCodebook::kCentroids * sizeof(float);
  }
  [[nodiscard]] std::size_t bytes() const noexcept override { return frame_.bytes() + codebook_.bytes(); }
  [[nodiscard]] bool proven() const noexcept override { return false; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  [[nodiscard]] std::size_t factors_at() const noexcept { return (codebook_.subspaces() + 3) / 4 * 4; }
  [[nodiscard]] RowFactors factors_of(const std::byte* row) const noexcept {
    RowFactors factors;
    std::memcpy(&factors, row + factors_at(), sizeof factors);
    return factors;
  }
  [[nodiscard]] float key(const Head& head, const std::byte* row, float sum) const noexcept {
    const RowFactors factors = factors_of(row);
    return head.offset + factors.addend + factors.slope * sum;
  }
  [[nodiscard]] ResidualFrame::Fit fit_of(const std::uint8_t* codes, const float* direction) const noexcept;
  // The most deviations that there can be, when the parts of v and y across o point the same way.
  [[nodiscard]] double most_deviations() const noexcept {
    return std::sqrt(std::max(1.0, static_cast<double>(dimension()) - 1.0));
  }

  ResidualFrame frame_;
  ProductCodebook codebook_;
  PqKernel kernel_;
  double most_lost_ = 1.0;  // of a row that is like the training rows
  double deviations_ = 1.0;
};

// Codes are made with plain numbers while this runs: the errors that calibrate() sees are single deviations.
PqCodec::PqCodec(Metric metric, std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
                 const Kernels& kernels)
    : frame_(metric, dimension, training_rows, std::nullopt),
      codebook_(dimension, pq_subspaces(dimension)),
      kernel_(kernels.pq_sum) {
  SEMROUTE_CHECK(dimension <= kMaxDimension);
  const TrainingRows rows(training_rows, dimension, pq_training_rows(dimension));
  std::vector<float> directions(rows.count() * dimension);
  for (std::size_t i = 0; i < rows.count(); ++i) frame_.see_row(rows.row(i), &directions[i * dimension]);
  codebook_.train(directions, seed);

  const double deviations = calibrate(*this, metric, rows, kLeastDeviations, kUntriedDeviations);
  double most_lost = 0.0;
  std::vector<std::uint8_t> codes(codebook_.subspaces());
  for (std::size_t i = 0; i < rows.count(); ++i) {
    codebook_.encode(&directions[i * dimension], codes.data());
    most_lost = std::max(most_lost, lost(fit_of(codes.data(), &directions[i * dimension])));
  }
  deviations_ = std::min(deviations, most_deviations());
  most_lost_ = kUnlikeTraining * most_lost;
}

ResidualFrame::Fit PqCodec::fit_of(const std::uint8_t* codes, const float* direction) const noexcept {
  ResidualFrame::Fit fit;
  for (std::size_t i = 0; i < dimension(); ++i) {
    const auto number = static_cast<double>(codebook_.number(codes, i));
    fit.product += number * static_cast<double>(direction[i]);
    fit.square += number * number;
  }
  return fit;
}

float PqCodec::encode(const float* vector, std::byte* row) const {
  float direction[kMaxDimension];
  const ResidualFrame::Row seen = frame_.see_row(vector, direction);
  std::memset(row, 0, row_bytes());
  auto* codes = reinterpret_cast<std::uint8_t*>(row);
  codebook_.encode(direction, codes);
  const ResidualFrame::Fit fit = fit_of(codes, direction);
  const RowFactors factors = ResidualFrame::factors(seen, fit);
  std::memcpy(row + factors_at(), &factors, sizeof factors);
  const float error = frame_.row_error(seen, fit, kUsualQueryLoss);
  const bool like_training = lost(fit) <= most_lost_;
  return like_training ? error : round_up(static_cast<double>(error) * most_deviations() / deviations_);
}

void PqCodec::decode(const std::byte* row, float* vector) const {
  codebook_.decode(reinterpret_cast<const std::uint8_t*>(row), vector);
  frame_.restore(vector, factors_of(row).stretch, vector);
}

ErrorTerms PqCodec::prepare(const float* query, std::byte* code) const {
  float direction[kMaxDimension];
  const ResidualFrame::Query seen = frame_.see_query(query, direction);
  const Head head{.offset = seen.offset};
  std::memcpy(code, &head, sizeof head);
  codebook_.product_table(direction, seen.scale, reinterpret_cast<float*>(code + sizeof(Head)));
  return frame_.terms(seen, 0.0, kUsualQueryLoss, deviations_);
}

void PqCodec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* table = reinterpret_cast<const float*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    const std::byte* at = rows + first * row_bytes();
    kernel_.rows(table, reinterpret_cast<const std::uint8_t*>(at), row_bytes(), block, codebook_.subspaces(),
                 keys + first);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(head, at + i * row_bytes(), keys[first + i]);
  });
}

void PqCodec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                     float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* table = reinterpret_cast<const float*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    kernel_.gather(table, reinterpret_cast<const std::uint8_t*>(base), row_bytes(), slots + first, block,
                   codebook_.subspaces(), keys + first);
    for (std::size_t i = first; i < first + block; ++i) keys[i] = key(head, base + slots[i] * row_bytes(), keys[i]);
  });
}

}  // namespace

std::size_t pq_training_rows(std::size_t dimension) noexcept {
  return std::min(kMostPqTrainingRows, std::max(ProductCodebook::kCentroids, kMostPqTrainingFloats / dimension));
}

std::size_t pq_subspaces(std::size_t dimension) noexcept {
  constexpr std::size_t kFactorBytes = sizeof(RowFactors);
  constexpr std::size_t kSubspacesOfALine = 48;
  const std::size_t wanted = std::max(dimension / 8, std::min(dimension, kSubspacesOfALine));
  const std::size_t fewer = whole_lines(wanted * 4 / 5 + kFactorBytes) - kFactorBytes;
  return std::min(wanted, fewer);
}

std::unique_ptr<Codec> make_pq_codec(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                                     std::uint64_t seed, const Kernels& kernels) {
  if (metric == Metric::manhattan) return make_pq_l1_codec(dimension, training_rows, seed, kernels);
  return std::make_unique<PqCodec>(metric, dimension, training_rows, seed, kernels);
}

}  // namespace semroute::core
