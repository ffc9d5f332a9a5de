#include "core/kernels/kernel_sets.h"

#if defined(SEMROUTE_NEON_DOTPROD)

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace semroute::core::neon_dotprod {

#define SEMROUTE_SIMD __attribute__((target("arch=armv8.2-a+dotprod")))

#include "core/kernels/neon_integers.inc"

// sdot multiplies signed by signed bytes. With r = (r - 128) + 128, 128 times the query's sum is added to the
// products with r - 128, which is the code with its highest bit the other way round.
struct SignedCodes {
  int8x16_t codes;
  int32x4_t times_128;
};
SEMROUTE_SIMD_INLINE SignedCodes load_signed(const std::int8_t* from) noexcept {
  const int8x16_t codes = vld1q_s8(from);
  const int8x16_t half = vdupq_n_s8(64);
  return {codes, vdotq_s32(vdotq_s32(vdupq_n_s32(0), codes, half), codes, half)};
}
SEMROUTE_SIMD_INLINE Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept {
  const int8x16_t less_128 = vreinterpretq_s8_u8(veorq_u8(row, vdupq_n_u8(128)));
  return vdotq_s32(vaddq_s32(sum, query.times_128), less_128, query.codes);
}
SEMROUTE_SIMD_INLINE Sums add_differences(Sums sum, Codes row, Codes query) noexcept {
  return vreinterpretq_s32_u32(vdotq_u32(vreinterpretq_u32_s32(sum), vabdq_u8(row, query), vdupq_n_u8(1)));
}

using SignedNibbles = int8x16_t;
SEMROUTE_SIMD_INLINE SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return vld1q_s8(from); }
SEMROUTE_SIMD_INLINE Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  return vdotq_s32(vdotq_s32(sum, low_nibbles(row), low), high_nibbles(row), high);
}

#include "core/kernels/rows_body.inc"

#include "core/kernels/codes_body.inc"

void take(Kernels& kernels) noexcept {
  kernels.u8_dot = kRowKernel<U8Dot>;
  kernels.u8_l1 = kRowKernel<U8L1>;
  kernels.u4_dot = kRowKernel<U4Dot>;
}

}  // namespace semroute::core::neon_dotprod

#endif
