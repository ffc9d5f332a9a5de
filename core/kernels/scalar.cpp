#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::scalar {

#define SEMROUTE_SIMD
constexpr Isa kIsa = Isa::scalar;

using Vec = float;
constexpr std::size_t kLanes = 1;

inline Vec zero() noexcept { return 0.0F; }
inline Vec load(const float* from) noexcept { return *from; }
inline Vec load_first(const float*, std::size_t) noexcept { return 0.0F; }
inline Vec load_f16(const std::uint16_t* from) noexcept { return float_of_half(*from); }
inline Vec load_f16_first(const std::uint16_t*, std::size_t) noexcept { return 0.0F; }
inline unsigned at_least(Vec a, Vec b) noexcept { return a >= b ? 1U : 0U; }
inline Vec load_bf16(const std::uint16_t* from) noexcept { return float_of_bfloat(*from); }
inline Vec load_bf16_first(const std::uint16_t*, std::size_t) noexcept { return 0.0F; }
inline Vec add(Vec a, Vec b) noexcept { return a + b; }
inline Vec sub(Vec a, Vec b) noexcept { return a - b; }
inline Vec abs(Vec a) noexcept { return std::fabs(a); }
// Fused wherever the processor can: the compiler may fuse a * b + c in one place and not in another, and a row's
// bits would depend on where it stands.
inline Vec mul_add(Vec a, Vec b, Vec c) noexcept {
#if defined(__FP_FAST_FMAF)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
inline void store_sums(Vec a, Vec b, Vec c, Vec d, float* out) noexcept {
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

using Codes = std::uint8_t;
using SignedCodes = std::int8_t;
using SignedNibbles = std::int8_t;
using Sums = std::int32_t;
constexpr std::size_t kCodes = 1;

inline Sums no_sums() noexcept { return 0; }
inline Codes load_codes(const std::uint8_t* from) noexcept { return *from; }
inline SignedCodes load_signed(const std::int8_t* from) noexcept { return *from; }
inline SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return *from; }
inline Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept { return sum + row * query; }
inline Sums add_differences(Sums sum, Codes row, Codes query) noexcept {
  return sum + (row > query ? row - query : query - row);
}
inline Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  return sum + (row & 15) * low + (row >> 4) * high;
}
inline void store_sums(Sums a, Sums b, Sums c, Sums d, std::int32_t* out) noexcept {
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

using Bits = std::uint64_t;
constexpr std::size_t kWords = 1;

inline Bits load_bits(const std::uint64_t* from) noexcept { return *from; }
inline Bits load_first_bits(const std::uint64_t*, std::size_t) noexcept { return 0; }
inline Sums add_weighted_bits(Sums sum, Bits row, Bits p0, Bits p1, Bits p2, Bits p3) noexcept {
  return sum + std::popcount(row & p0) + 2 * std::popcount(row & p1) + 4 * std::popcount(row & p2) +
         8 * std::popcount(row & p3);
}

inline Vec multiply(Vec a, Vec b) noexcept { return a * b; }
inline Vec broadcast(float number) noexcept { return number; }
inline void store(float* to, Vec numbers) noexcept { *to = numbers; }
inline void store_f16(std::uint16_t* to, Vec numbers) noexcept { *to = half_of_float(numbers); }
inline void store_s8(std::int8_t* to, Vec numbers) noexcept {
  const float low = numbers > -127.0F ? numbers : -127.0F;
  const float held = low < 127.0F ? low : 127.0F;
  constexpr float kRound = 12'582'912.0F;  // 1.5 * 2^23: the sum has no room for a fraction
  *to = static_cast<std::int8_t>((held + kRound) - kRound);
}

#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::scalar
