#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx512_vnni {

#define SEMROUTE_SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")))

#include "core/kernels/avx512_integers.inc"

// vpdpbusd: four products of unsigned and signed bytes to a 32-bit sum, without saturating on the way.
using SignedCodes = __m512i;
using SignedNibbles = __m512i;
SEMROUTE_SIMD_INLINE SignedCodes load_signed(const std::int8_t* from) noexcept { return _mm512_loadu_si512(from); }
SEMROUTE_SIMD_INLINE SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return load_signed(from); }
SEMROUTE_SIMD_INLINE Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept {
  return _mm512_dpbusd_epi32(sum, row, query);
}
SEMROUTE_SIMD_INLINE Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, low_nibbles(row), low), high_nibbles(row), high);
}

#include "core/kernels/rows_body.inc"

#include "core/kernels/codes_body.inc"

void take(Kernels& kernels) noexcept {
  kernels.u8_dot = kRowKernel<U8Dot>;
  kernels.u4_dot = kRowKernel<U4Dot>;
}

}  // namespace semroute::core::avx512_vnni

#endif
