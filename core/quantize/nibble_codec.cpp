#include "core/quantize/nibble_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/cache_line.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/quantize/residual_frame.h"
#include "core/quantize/row_blocks.h"

namespace semroute::core {
namespace {

constexpr double kDeviations = 3.5;
// Of a normal distribution's 384 numbers kept in 254 steps, about.
constexpr double kUsualQueryLoss = 0.01;
constexpr std::size_t kCodesPerLine = 2 * kLineBytes;
constexpr float kMiddle = 7.5F;  // the code that would stand for 0
constexpr float kLargestCode = 15.0F;
constexpr float kLargestOfQuery = 127.0F;
constexpr std::size_t kChunk = 16;  // numbers worked on at once; directions are padded to a multiple

// The step lengths tried for a row, as shares of what would just hold its largest coordinate. 384 normally distributed
// numbers come out best at about 0.75, few or uneven ones at 1; more than these bring less than 0.5 % of the error.
constexpr float kShares[] = {0.55F, 0.62F, 0.68F, 0.74F, 0.80F, 0.87F, 0.94F, 1.0F};

struct alignas(64) Head {
  float offset = 0.0F;
  float per_dot = 0.0F;
  float base = 0.0F;
};

inline float code_of(float number, float inverse_step) noexcept {
  const float at = number * inverse_step + (kMiddle + 0.5F);
  return static_cast<float>(static_cast<std::int32_t>(std::min(std::max(at, 0.0F), kLargestCode)));
}

// `count` is a multiple of kChunk.
ResidualFrame::Fit fit_of(const float* direction, std::size_t count, float inverse_step) noexcept {
  float products[kChunk] = {};
  float squares[kChunk] = {};
  for (std::size_t i = 0; i < count; i += kChunk)
    for (std::size_t k = 0; k < kChunk; ++k) {
      const float number = direction[i + k];
      const float code = code_of(number, inverse_step) - kMiddle;
      products[k] += code * number;
      squares[k] += code * code;
    }
  ResidualFrame::Fit fit;
  for (std::size_t k = 0; k < kChunk; ++k) {
    fit.product += static_cast<double>(products[k]);
    fit.square += static_cast<double>(squares[k]);
  }
  return fit;
}

float largest_of(const float* numbers, std::size_t count) noexcept {
  float largest = 0.0F;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(numbers[i]));
  return largest;
}

class NibbleCodec final : public Codec {
 public:
  NibbleCodec(Metric metric, std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
              const Kernels& kernels)
      : frame_(metric, dimension, training_rows, seed),
        code_bytes_((dimension + kCodesPerLine - 1) / kCodesPerLine * kLineBytes),
        kernels_(kernels) {
    SEMROUTE_CHECK(dimension <= kMaxDimension && metric != Metric::manhattan);
  }

  [[nodiscard]] std::size_t dimension() const noexcept override { return frame_.dimension(); }
  [[nodiscard]] std::size_t row_bytes() const noexcept override {
    return whole_lines(code_bytes_ + sizeof(RowFactors));
  }
  [[nodiscard]] std::size_t query_bytes() const noexcept override { return sizeof(Head) + 2 * code_bytes_; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return frame_.bytes(); }
  [[nodiscard]] bool proven() const noexcept override { return false; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  [[nodiscard]] RowFactors factors_of(const std::byte* row) const noexcept {
    RowFactors factors;
    std::memcpy(&factors, row + code_bytes_, sizeof factors);
    return factors;
  }
  [[nodiscard]] float key(const Head& head, const std::byte* row, std::int32_t dots) const noexcept {
    const RowFactors factors = factors_of(row);
    return head.offset + factors.addend + factors.slope * (static_cast<float>(dots) * head.per_dot + head.base);
  }

  ResidualFrame frame_;
  std::size_t code_bytes_;
  const Kernels& kernels_;
};

float NibbleCodec::encode(const float* vector, std::byte* row) const {
  alignas(64) float direction[kMaxDimension];
  const ResidualFrame::Row seen = frame_.see_row(vector, direction);
  const std::size_t dimension = frame_.dimension();
  const std::size_t padded = (dimension + kChunk - 1) / kChunk * kChunk;
  for (std::size_t i = dimension; i < padded; ++i) direction[i] = 0.0F;
  std::memset(row, 0, row_bytes());

  // Padding counts as codes of 8, half a step off 0: products do not see it, squares do.
  const double of_padding = 0.25 * static_cast<double>(padded - dimension);
  const float largest = largest_of(direction, padded);
  float best_inverse_step = 0.0F;
  ResidualFrame::Fit best{.product = 0.0, .square = 1.0};
  if (largest > 0.0F)
    for (const float share : kShares) {
      const float inverse_step = (kMiddle + 0.5F) / (share * largest);
      ResidualFrame::Fit fit = fit_of(direction, padded, inverse_step);
      fit.square -= of_padding;
      if (fit.product * fit.product * best.square <= best.product * best.product * fit.square) continue;
      best = fit;
      best_inverse_step = inverse_step;
    }

  for (std::size_t i = 0; i < dimension; ++i) {
    const auto code = static_cast<unsigned>(code_of(direction[i], best_inverse_step));
    std::byte& place = row[i / kCodesPerLine * kLineBytes + i % kLineBytes];
    place |= static_cast<std::byte>(i % kCodesPerLine < kLineBytes ? code : code << 4);
  }
  const RowFactors factors = ResidualFrame::factors(seen, best);
  std::memcpy(row + code_bytes_, &factors, sizeof factors);
  return frame_.row_error(seen, best, kUsualQueryLoss);
}

void NibbleCodec::decode(const std::byte* row, float* vector) const {
  for (std::size_t i = 0; i < frame_.dimension(); ++i) {
    const auto both = std::to_integer<unsigned>(row[i / kCodesPerLine * kLineBytes + i % kLineBytes]);
    vector[i] = static_cast<float>(i % kCodesPerLine < kLineBytes ? both & 15U : both >> 4) - kMiddle;
  }
  frame_.restore(vector, factors_of(row).stretch, vector);
}

// With v_i = s n_i, the product of v and the row's u_i - 7.5 is s (sum of n_i u_i) - 7.5 s (sum of n_i).
ErrorTerms NibbleCodec::prepare(const float* query, std::byte* code) const {
  float direction[kMaxDimension];
  const ResidualFrame::Query seen = frame_.see_query(query, direction);
  const std::size_t dimension = frame_.dimension();
  const float largest = largest_of(direction, dimension);
  const float step = largest / kLargestOfQuery;
  const float inverse_step = largest > 0.0F ? kLargestOfQuery / largest : 0.0F;
  std::memset(code, 0, query_bytes());
  auto* numbers = reinterpret_cast<std::int8_t*>(code + sizeof(Head));
  static constexpr float kNoOffset[kLineBytes] = {};
  std::int64_t total = 0;
  double loss = 0.0;
  for (std::size_t first = 0; first < dimension; first += kLineBytes) {
    const std::size_t count = std::min(kLineBytes, dimension - first);
    kernels_.to_s8(direction + first, kNoOffset, inverse_step, count, numbers + first);
    float lost = 0.0F;
    for (std::size_t i = first; i < first + count; ++i) {
      const float difference = direction[i] - step * static_cast<float>(numbers[i]);
      lost += difference * difference;
      total += numbers[i];
    }
    loss += static_cast<double>(lost);
  }
  const float per_dot = seen.scale * step;
  const Head head{.offset = seen.offset, .per_dot = per_dot, .base = -kMiddle * per_dot * static_cast<float>(total)};
  std::memcpy(code, &head, sizeof head);
  return frame_.terms(seen, std::sqrt(loss), kUsualQueryLoss, kDeviations);
}

void NibbleCodec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* numbers = reinterpret_cast<const std::int8_t*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    std::int32_t dots[kRowsPerBlock];
    const std::byte* at = rows + first * row_bytes();
    kernels_.u4_dot.rows(numbers, reinterpret_cast<const std::uint8_t*>(at), row_bytes(), block, code_bytes_, dots);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(head, at + i * row_bytes(), dots[i]);
  });
}

void NibbleCodec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                         float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* numbers = reinterpret_cast<const std::int8_t*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    ask_for_factors(base, row_bytes(), code_bytes_, slots + first, block);
    std::int32_t dots[kRowsPerBlock];
    kernels_.u4_dot.gather(numbers, reinterpret_cast<const std::uint8_t*>(base), row_bytes(), slots + first, block,
                           code_bytes_, dots);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(head, base + slots[first + i] * row_bytes(), dots[i]);
  });
}

}  // namespace

std::unique_ptr<Codec> make_nibble_codec(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                                         std::uint64_t seed, const Kernels& kernels) {
  return std::make_unique<NibbleCodec>(metric, dimension, training_rows, seed, kernels);
}

}  // namespace semroute::core
