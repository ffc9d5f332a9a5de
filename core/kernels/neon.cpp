#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::neon {

// Every 64-bit ARM processor has these.
#define SEMROUTE_SIMD
constexpr Isa kIsa = Isa::neon;

// Floats.

using Vec = float32x4_t;
constexpr std::size_t kLanes = 4;

SEMROUTE_SIMD_INLINE Vec zero() noexcept { return vdupq_n_f32(0.0F); }
SEMROUTE_SIMD_INLINE Vec load(const float* from) noexcept { return vld1q_f32(from); }
SEMROUTE_SIMD_INLINE Vec load_first(const float* from, std::size_t count) noexcept {
  float lanes[kLanes] = {};
  for (std::size_t lane = 0; lane < count; ++lane) lanes[lane] = from[lane];
  return vld1q_f32(lanes);
}
SEMROUTE_SIMD_INLINE Vec load_f16(const std::uint16_t* from) noexcept {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}
SEMROUTE_SIMD_INLINE Vec load_bf16(const std::uint16_t* from) noexcept {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(from), 16));
}
struct Halves {
  std::uint16_t lanes[kLanes] = {};
};
SEMROUTE_SIMD_INLINE Halves first_halves(const std::uint16_t* from, std::size_t count) noexcept {
  Halves halves;
  for (std::size_t lane = 0; lane < count; ++lane) halves.lanes[lane] = from[lane];
  return halves;
}
SEMROUTE_SIMD_INLINE Vec load_f16_first(const std::uint16_t* from, std::size_t count) noexcept {
  return load_f16(first_halves(from, count).lanes);
}
SEMROUTE_SIMD_INLINE Vec load_bf16_first(const std::uint16_t* from, std::size_t count) noexcept {
  return load_bf16(first_halves(from, count).lanes);
}
SEMROUTE_SIMD_INLINE unsigned at_least(Vec a, Vec b) noexcept {
  constexpr std::uint32_t kBits[4] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcgeq_f32(a, b), vld1q_u32(kBits)));
}
SEMROUTE_SIMD_INLINE Vec add(Vec a, Vec b) noexcept { return vaddq_f32(a, b); }
SEMROUTE_SIMD_INLINE Vec sub(Vec a, Vec b) noexcept { return vsubq_f32(a, b); }
SEMROUTE_SIMD_INLINE Vec abs(Vec a) noexcept { return vabsq_f32(a); }
SEMROUTE_SIMD_INLINE Vec mul_add(Vec a, Vec b, Vec c) noexcept { return vfmaq_f32(c, a, b); }
SEMROUTE_SIMD_INLINE void store_sums(Vec a, Vec b, Vec c, Vec d, float* out) noexcept {
  vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}

SEMROUTE_SIMD_INLINE Vec multiply(Vec a, Vec b) noexcept { return vmulq_f32(a, b); }
SEMROUTE_SIMD_INLINE Vec broadcast(float number) noexcept { return vdupq_n_f32(number); }
SEMROUTE_SIMD_INLINE void store(float* to, Vec numbers) noexcept { vst1q_f32(to, numbers); }
SEMROUTE_SIMD_INLINE void store_f16(std::uint16_t* to, Vec numbers) noexcept {
  vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(numbers)));
}
// Of a NaN and a number, vmaxnm takes the number; vcvtn rounds to the nearest, ties to even.
SEMROUTE_SIMD_INLINE void store_s8(std::int8_t* to, Vec numbers) noexcept {
  const Vec held = vminnmq_f32(vmaxnmq_f32(numbers, vdupq_n_f32(-127.0F)), vdupq_n_f32(127.0F));
  const int16x4_t whole = vmovn_s32(vcvtnq_s32_f32(held));
  std::int8_t lanes[2 * kLanes];
  vst1_s8(lanes, vmovn_s16(vcombine_s16(whole, whole)));
  __builtin_memcpy(to, lanes, kLanes);
}

// Codes.

#include "core/kernels/neon_integers.inc"

// Widened to 16 bits: no instruction here multiplies unsigned by signed bytes.
struct SignedCodes {
  int16x8_t low;
  int16x8_t high;
};
SEMROUTE_SIMD_INLINE SignedCodes load_signed(const std::int8_t* from) noexcept {
  const int8x16_t codes = vld1q_s8(from);
  return {vmovl_s8(vget_low_s8(codes)), vmovl_high_s8(codes)};
}
SEMROUTE_SIMD_INLINE Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept {
  const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(row)));
  const int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(row));
  sum = vmlal_s16(sum, vget_low_s16(low), vget_low_s16(query.low));
  sum = vmlal_high_s16(sum, low, query.low);
  sum = vmlal_s16(sum, vget_low_s16(high), vget_low_s16(query.high));
  return vmlal_high_s16(sum, high, query.high);
}
SEMROUTE_SIMD_INLINE Sums add_differences(Sums sum, Codes row, Codes query) noexcept {
  const uint16x8_t differences = vpaddlq_u8(vabdq_u8(row, query));
  return vreinterpretq_s32_u32(vpadalq_u16(vreinterpretq_u32_s32(sum), differences));
}

using SignedNibbles = int8x16_t;
SEMROUTE_SIMD_INLINE SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return vld1q_s8(from); }
// Four products of a nibble and a code are at most 4 * 15 * 128.
SEMROUTE_SIMD_INLINE Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  const int8x16_t row_low = low_nibbles(row);
  const int8x16_t row_high = high_nibbles(row);
  int16x8_t products = vmull_s8(vget_low_s8(row_low), vget_low_s8(low));
  products = vmlal_high_s8(products, row_low, low);
  products = vmlal_s8(products, vget_low_s8(row_high), vget_low_s8(high));
  products = vmlal_high_s8(products, row_high, high);
  return vpadalq_s16(sum, products);
}

// Bits.

using Bits = uint64x2_t;
constexpr std::size_t kWords = 2;

SEMROUTE_SIMD_INLINE Bits load_bits(const std::uint64_t* from) noexcept { return vld1q_u64(from); }
SEMROUTE_SIMD_INLINE Bits load_first_bits(const std::uint64_t* from, std::size_t) noexcept {
  return vcombine_u64(vld1_u64(from), vcreate_u64(0));
}
SEMROUTE_SIMD_INLINE uint8x16_t count_bits(Bits row, Bits plane) noexcept {
  return vcntq_u8(vreinterpretq_u8_u64(vandq_u64(row, plane)));
}
// A byte holds at most (1 + 2 + 4 + 8) * 8.
SEMROUTE_SIMD_INLINE Sums add_weighted_bits(Sums sum, Bits row, Bits p0, Bits p1, Bits p2, Bits p3) noexcept {
  uint8x16_t counts = vaddq_u8(count_bits(row, p2), vshlq_n_u8(count_bits(row, p3), 1));
  counts = vaddq_u8(count_bits(row, p1), vshlq_n_u8(counts, 1));
  counts = vaddq_u8(count_bits(row, p0), vshlq_n_u8(counts, 1));
  return vreinterpretq_s32_u32(vpadalq_u16(vreinterpretq_u32_s32(sum), vpaddlq_u8(counts)));
}

#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::neon

#endif
