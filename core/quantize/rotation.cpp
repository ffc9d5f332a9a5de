#include "core/quantize/rotation.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/base/check.h"
#include "core/quantize/random.h"

namespace semroute::core {
namespace {

// Four floats as the compilers' own vector type: every 64-bit instruction set of today has it, and it is the same
// arithmetic everywhere.
using Four __attribute__((vector_size(16))) = float;

inline Four load(const float* from) noexcept {
  Four value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store(float* to, Four value) noexcept { std::memcpy(to, &value, sizeof value); }

inline void butterfly(Four& a, Four& b, Four& c, Four& d) noexcept {
  const Four ab = a + b;
  const Four a_b = a - b;
  const Four cd = c + d;
  const Four c_d = c - d;
  a = ab + cd;
  b = a_b + c_d;
  c = ab - cd;
  d = a_b - c_d;
}

// The Hadamard transform of the four numbers in a register. Multiplying by 1 and -1 rounds nothing.
inline Four within(Four x) noexcept {
  x = __builtin_shufflevector(x, x, 1, 0, 3, 2) + x * Four{1.0F, -1.0F, 1.0F, -1.0F};
  return __builtin_shufflevector(x, x, 2, 3, 0, 1) + x * Four{1.0F, 1.0F, -1.0F, -1.0F};
}

// The Hadamard transform, not normalised; its own inverse up to the factor `count`, a power of two.
// Two levels a pass, the first pass four: fewer loads and stores.
void hadamard(float* x, std::size_t count) noexcept {
  std::size_t half = 1;
  if (count >= 16) {
    for (float* at = x; at != x + count; at += 16) {
      Four a = within(load(at)), b = within(load(at + 4)), c = within(load(at + 8)), d = within(load(at + 12));
      butterfly(a, b, c, d);
      store(at, a);
      store(at + 4, b);
      store(at + 8, c);
      store(at + 12, d);
    }
    for (half = 16; half * 4 <= count; half *= 4)
      for (std::size_t i = 0; i < count; i += 4 * half)
        for (float* at = x + i; at != x + i + half; at += 4) {
          Four a = load(at), b = load(at + half), c = load(at + 2 * half), d = load(at + 3 * half);
          butterfly(a, b, c, d);
          store(at, a);
          store(at + half, b);
          store(at + 2 * half, c);
          store(at + 3 * half, d);
        }
    if (half == count) return;
    for (float* at = x; at != x + half; at += 4) {
      const Four a = load(at), b = load(at + half);
      store(at, a + b);
      store(at + half, a - b);
    }
    return;
  }
  for (; half < count; half *= 2)
    for (std::size_t i = 0; i < count; i += 2 * half)
      for (float* at = x + i; at != x + i + half; ++at) {
        const float sum = at[0] + at[half];
        at[half] = at[0] - at[half];
        at[0] = sum;
      }
}

// (a, b) becomes (a + b, a - b) for every i of the first half and its partner in the second. The number in the middle
// of an odd count has no partner and is made longer as the others are.
void mix_halves(float* x, std::size_t count) noexcept {
  const std::size_t half = count / 2;
  float* partner = x + (count - half);
  std::size_t i = 0;
  for (; i + 4 <= half; i += 4) {
    const Four a = load(x + i), b = load(partner + i);
    store(x + i, a + b);
    store(partner + i, a - b);
  }
  for (; i < half; ++i) {
    const float sum = x[i] + partner[i];
    partner[i] = x[i] - partner[i];
    x[i] = sum;
  }
  if (count % 2 != 0) x[half] *= std::numbers::sqrt2_v<float>;
}

void multiply(float* x, const float* factors, std::size_t count) noexcept {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) store(x + i, load(x + i) * load(factors + i));
  for (; i < count; ++i) x[i] *= factors[i];
}

// Where the block is not everything, a number outside the first one is only spread by the second round and the last
// round leaves a part alone: two more.
constexpr std::size_t kRounds = 4;
constexpr std::size_t kRoundsOfBlocks = 6;

}  // namespace

Rotation::Rotation(std::size_t dimension, std::uint64_t seed)
    : dimension_(dimension),
      block_(std::bit_floor(dimension)),
      rounds_(block_ == dimension ? kRounds : kRoundsOfBlocks),
      factors_(rounds_ * dimension) {
  SEMROUTE_CHECK(dimension >= 1);
  Random random(seed);
  const double mixing = block_ == dimension_ ? 1.0 : std::numbers::sqrt2 / 2.0;
  for (std::size_t round = 0; round < rounds_; ++round) {
    const std::size_t start = block_start(round);
    for (std::size_t i = 0; i < dimension_; ++i) {
      const bool in_block = i >= start && i < start + block_;
      const double length = mixing / (in_block ? std::sqrt(static_cast<double>(block_)) : 1.0);
      factors_[round * dimension_ + i] = static_cast<float>(random.next() >> 63 != 0 ? length : -length);
    }
  }
}

std::size_t Rotation::block_start(std::size_t round) const noexcept { return round % 2 == 0 ? 0 : dimension_ - block_; }

void Rotation::apply(float* vector) const noexcept {
  for (std::size_t round = 0; round < rounds_; ++round) {
    multiply(vector, factors(round), dimension_);
    hadamard(vector + block_start(round), block_);
    if (block_ != dimension_) mix_halves(vector, dimension_);
  }
}

// A round backwards: each step but the signs is its own inverse up to the lengths that the factors hold.
void Rotation::undo(float* vector) const noexcept {
  for (std::size_t round = rounds_; round-- > 0;) {
    if (block_ != dimension_) mix_halves(vector, dimension_);
    hadamard(vector + block_start(round), block_);
    multiply(vector, factors(round), dimension_);
  }
}

}  // namespace semroute::core
