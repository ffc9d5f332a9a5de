#include "core/quantize/binary_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/quantize/residual_frame.h"
#include "core/quantize/row_blocks.h"

namespace semroute::core {
namespace {

constexpr double kDeviations = 3.5;
// Of a normal distribution's 384 numbers kept in 15 steps, about.
constexpr double kUsualQueryLoss = 0.12;
constexpr std::size_t kBits = 64;  // in a word
constexpr std::size_t kPlanes = 4;
constexpr float kLargestStep = 15.0F;

// Behind a row's bits. Its sum over bits is needed where a query's steps do not begin at 0.
struct Factors {
  RowFactors frame;
  float ones = 0.0F;  // bits that are 1
};
static_assert(sizeof(Factors) == 16);

// At the start of a query's code: key = offset + addend + slope * (dots * per_dot + ones * per_one + base).
struct alignas(64) Head {
  float offset = 0.0F;
  float per_dot = 0.0F;
  float per_one = 0.0F;
  float base = 0.0F;
};

// Bit k of the result is the lowest bit of byte k.
inline std::uint64_t lowest_bits(std::uint64_t bytes) noexcept {
  return ((bytes & 0x0101010101010101U) * 0x0102040810204080U) >> 56;
}

// The word whose bit i is bit `plane` of numbers[i].
std::uint64_t plane_of(const std::uint8_t (&numbers)[kBits], std::size_t plane) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < kBits; i += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, numbers + i, sizeof bytes);
    word |= lowest_bits(bytes >> plane) << i;
  }
  return word;
}

class BinaryCodec final : public Codec {
 public:
  BinaryCodec(Metric metric, std::size_t dimension, std::span<const float> training_rows, std::uint64_t seed,
              const Kernels& kernels)
      : frame_(metric, dimension, training_rows, seed),
        words_((dimension + kBits - 1) / kBits),
        kernel_(kernels.u1_dot) {
    SEMROUTE_CHECK(dimension <= kMaxDimension && metric != Metric::manhattan);
  }

  [[nodiscard]] std::size_t dimension() const noexcept override { return frame_.dimension(); }
  [[nodiscard]] std::size_t row_bytes() const noexcept override { return whole_lines(words_ * 8 + sizeof(Factors)); }
  [[nodiscard]] std::size_t query_bytes() const noexcept override {
    return sizeof(Head) + whole_lines(kPlanes * words_ * 8);
  }
  [[nodiscard]] std::size_t bytes() const noexcept override { return frame_.bytes(); }
  [[nodiscard]] bool proven() const noexcept override { return false; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  [[nodiscard]] float key(const Head& head, const std::byte* row, std::int32_t dots) const noexcept {
    Factors factors;
    std::memcpy(&factors, row + words_ * 8, sizeof factors);
    return head.offset + factors.frame.addend +
           factors.frame.slope * (static_cast<float>(dots) * head.per_dot + factors.ones * head.per_one + head.base);
  }

  ResidualFrame frame_;
  std::size_t words_;
  U1DotKernel kernel_;
};

float BinaryCodec::encode(const float* vector, std::byte* row) const {
  float direction[kMaxDimension];
  const ResidualFrame::Row seen = frame_.see_row(vector, direction);
  std::memset(row, 0, row_bytes());
  const std::size_t dimension = frame_.dimension();
  double product = 0.0;  // of o and its signs
  int ones = 0;
  for (std::size_t word = 0; word < words_; ++word) {
    const std::size_t first = word * kBits;
    const std::size_t count = std::min(kBits, dimension - first);
    std::uint8_t signs[kBits] = {};
    float sums[4] = {};
    for (std::size_t i = 0; i < count; ++i) {
      signs[i] = direction[first + i] >= 0.0F ? 1 : 0;
      sums[i % 4] += std::fabs(direction[first + i]);
    }
    const std::uint64_t bits = plane_of(signs, 0);
    std::memcpy(row + word * 8, &bits, sizeof bits);
    ones += std::popcount(bits);
    product += static_cast<double>(sums[0] + sums[1] + sums[2] + sums[3]);
  }
  const ResidualFrame::Fit fit{.product = product, .square = static_cast<double>(dimension)};
  const Factors factors{.frame = ResidualFrame::factors(seen, fit), .ones = static_cast<float>(ones)};
  std::memcpy(row + words_ * 8, &factors, sizeof factors);
  return frame_.row_error(seen, fit, kUsualQueryLoss);
}

void BinaryCodec::decode(const std::byte* row, float* vector) const {
  Factors factors;
  std::memcpy(&factors, row + words_ * 8, sizeof factors);
  for (std::size_t i = 0; i < frame_.dimension(); ++i) {
    std::uint64_t bits;
    std::memcpy(&bits, row + i / kBits * 8, sizeof bits);
    vector[i] = (bits >> (i % kBits) & 1U) != 0 ? 1.0F : -1.0F;
  }
  frame_.restore(vector, factors.frame.stretch, vector);
}

// With steps s from the lowest coordinate l, v_i = l + s u_i, the product of v with the signs of a row is
//   2 s (sum of u_i over ones) + 2 l (ones) - (d l + s sum of u_i).
ErrorTerms BinaryCodec::prepare(const float* query, std::byte* code) const {
  float direction[kMaxDimension];
  const ResidualFrame::Query seen = frame_.see_query(query, direction);
  const std::size_t dimension = frame_.dimension();
  float lowest = direction[0];
  float highest = direction[0];
  for (std::size_t i = 1; i < dimension; ++i) {
    lowest = std::min(lowest, direction[i]);
    highest = std::max(highest, direction[i]);
  }
  const float step = (highest - lowest) / kLargestStep;
  const float inverse_step = step > 0.0F ? 1.0F / step : 0.0F;

  auto* planes = reinterpret_cast<std::uint64_t*>(code + sizeof(Head));
  std::memset(code, 0, query_bytes());
  std::uint64_t total = 0;
  double loss = 0.0;
  for (std::size_t word = 0; word < words_; ++word) {
    const std::size_t first = word * kBits;
    const std::size_t count = std::min(kBits, dimension - first);
    std::uint8_t steps[kBits] = {};
    float lost = 0.0F;
    for (std::size_t i = 0; i < count; ++i) {
      const float at = (direction[first + i] - lowest) * inverse_step;
      const int nearest = static_cast<int>(std::min(at + 0.5F, kLargestStep));
      const float difference = (at - static_cast<float>(nearest)) * step;
      steps[i] = static_cast<std::uint8_t>(nearest);
      lost += difference * difference;
      total += static_cast<unsigned>(nearest);
    }
    loss += static_cast<double>(lost);
    for (std::size_t plane = 0; plane < kPlanes; ++plane) planes[plane * words_ + word] = plane_of(steps, plane);
  }

  const auto scale = static_cast<double>(seen.scale);
  const double sum = static_cast<double>(dimension) * static_cast<double>(lowest) +
                     static_cast<double>(step) * static_cast<double>(total);
  const Head head{.offset = seen.offset,
                  .per_dot = static_cast<float>(2.0 * scale * static_cast<double>(step)),
                  .per_one = static_cast<float>(2.0 * scale * static_cast<double>(lowest)),
                  .base = static_cast<float>(-scale * sum)};
  std::memcpy(code, &head, sizeof head);
  return frame_.terms(seen, std::sqrt(loss), kUsualQueryLoss, kDeviations);
}

void BinaryCodec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* planes = reinterpret_cast<const std::uint64_t*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    std::int32_t dots[kRowsPerBlock];
    const std::byte* at = rows + first * row_bytes();
    kernel_.rows(planes, reinterpret_cast<const std::uint64_t*>(at), row_bytes() / 8, block, words_, dots);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(head, at + i * row_bytes(), dots[i]);
  });
}

void BinaryCodec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                         float* keys) const {
  Head head;
  std::memcpy(&head, code, sizeof head);
  const auto* planes = reinterpret_cast<const std::uint64_t*>(code + sizeof(Head));
  in_row_blocks(count, [&](std::size_t first, std::size_t block) {
    ask_for_factors(base, row_bytes(), words_ * 8, slots + first, block);
    std::int32_t dots[kRowsPerBlock];
    kernel_.gather(planes, reinterpret_cast<const std::uint64_t*>(base), row_bytes() / 8, slots + first, block, words_,
                   dots);
    for (std::size_t i = 0; i < block; ++i) keys[first + i] = key(head, base + slots[first + i] * row_bytes(), dots[i]);
  });
}

}  // namespace

std::unique_ptr<Codec> make_binary_codec(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                                         std::uint64_t seed, const Kernels& kernels) {
  return std::make_unique<BinaryCodec>(metric, dimension, training_rows, seed, kernels);
}

}  // namespace semroute::core
