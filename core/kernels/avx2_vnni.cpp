#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx2_vnni {

#define SEMROUTE_SIMD __attribute__((target("avx2,fma,f16c,avxvnni")))

#include "core/kernels/avx2_integers.inc"

// vpdpbusd: four products of unsigned and signed bytes to a 32-bit sum, without saturating on the way.
using SignedCodes = __m256i;
using SignedNibbles = __m256i;
SEMROUTE_SIMD_INLINE SignedCodes load_signed(const std::int8_t* from) noexcept { return load_256(from); }
SEMROUTE_SIMD_INLINE SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return load_256(from); }
SEMROUTE_SIMD_INLINE Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept {
  return _mm256_dpbusd_avx_epi32(sum, row, query);
}
SEMROUTE_SIMD_INLINE Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  return add_products(add_products(sum, low_nibbles(row), low), high_nibbles(row), high);
}

#include "core/kernels/rows_body.inc"

#include "core/kernels/codes_body.inc"

void take(Kernels& kernels) noexcept {
  kernels.u8_dot = kRowKernel<U8Dot>;
  kernels.u4_dot = kRowKernel<U4Dot>;
}

}  // namespace semroute::core::avx2_vnni

#endif
