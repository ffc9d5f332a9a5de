#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx2 {

// Both or neither: with avx2 alone every fused multiply-add would be a function call.
#define SEMROUTE_SIMD __attribute__((target("avx2,fma")))
#define SEMROUTE_LANES SEMROUTE_SIMD inline __attribute__((always_inline))

using Vec = __m256;
constexpr std::size_t kLanes = 8;
constexpr Isa kIsa = Isa::avx2;

// load_first(p, n) takes its mask from n lanes of ones and the zeros behind them.
alignas(64) constexpr std::int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

SEMROUTE_LANES Vec zero() noexcept { return _mm256_setzero_ps(); }
SEMROUTE_LANES Vec load(const float* from) noexcept { return _mm256_loadu_ps(from); }
SEMROUTE_LANES Vec load_first(const float* from, std::size_t count) noexcept {
  return _mm256_maskload_ps(from, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMasks + kLanes - count)));
}
SEMROUTE_LANES Vec add(Vec a, Vec b) noexcept { return _mm256_add_ps(a, b); }
SEMROUTE_LANES Vec sub(Vec a, Vec b) noexcept { return _mm256_sub_ps(a, b); }
SEMROUTE_LANES Vec abs(Vec a) noexcept { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
SEMROUTE_LANES Vec mul_add(Vec a, Vec b, Vec c) noexcept { return _mm256_fmadd_ps(a, b, c); }
SEMROUTE_LANES void store_sums(Vec a, Vec b, Vec c, Vec d, float* out) noexcept {
  const Vec ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const Vec cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const Vec abcd = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xEE));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

#undef SEMROUTE_LANES
#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::avx2

#endif
