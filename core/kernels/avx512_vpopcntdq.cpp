#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx512_vpopcntdq {

#define SEMROUTE_SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx2,fma,f16c")))

#include "core/kernels/avx512_integers.inc"

SEMROUTE_SIMD_INLINE __m512i count_bits(Bits row, Bits plane) noexcept {
  return _mm512_popcnt_epi64(_mm512_and_si512(row, plane));
}
// Counts stay far below 2^32: 64-bit lanes hold them as pairs of a 32-bit sum and 0.
SEMROUTE_SIMD_INLINE Sums add_weighted_bits(Sums sum, Bits row, Bits p0, Bits p1, Bits p2, Bits p3) noexcept {
  const __m512i low = _mm512_add_epi32(count_bits(row, p0), _mm512_maskz_slli_epi64(0xFF, count_bits(row, p1), 1));
  const __m512i high = _mm512_add_epi32(count_bits(row, p2), _mm512_maskz_slli_epi64(0xFF, count_bits(row, p3), 1));
  return _mm512_add_epi32(_mm512_add_epi32(sum, low), _mm512_maskz_slli_epi64(0xFF, high, 2));
}

#include "core/kernels/rows_body.inc"

#include "core/kernels/bits_body.inc"

void take(Kernels& kernels) noexcept { kernels.u1_dot = kRowKernel<U1Dot>; }

}  // namespace semroute::core::avx512_vpopcntdq

#endif
