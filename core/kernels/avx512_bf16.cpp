#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx512_bf16 {

#define SEMROUTE_SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c")))

#include "core/kernels/avx512_floats.inc"

#include "core/kernels/rows_body.inc"

#include "core/kernels/floats_body.inc"

// vdpbf16ps: two products of bfloat16 numbers to a 32-bit sum. It takes numbers below 2^-126 for 0.
struct PairedElements {
  using Row = std::uint16_t;
  static constexpr std::size_t kCount = 2 * kLanes;
  SEMROUTE_SIMD_INLINE static __m512i get(const Row* from) noexcept { return _mm512_loadu_si512(from); }
  SEMROUTE_SIMD_INLINE static __m512i get_first(const Row* from, std::size_t count) noexcept {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((1U << count) - 1U), from);
  }
};
struct PairedDot {
  SEMROUTE_SIMD_INLINE static Vec accumulate(Vec sum, __m512i a, __m512i b) noexcept {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

void take(Kernels& kernels) noexcept {
  kernels.bf16_dot = kRowKernel<FloatRows<PairedDot, PairedElements, PairedElements>>;
}

}  // namespace semroute::core::avx512_bf16

#endif
