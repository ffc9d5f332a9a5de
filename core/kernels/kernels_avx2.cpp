// AVX2 with fused multiply-add: eight lanes.
#include "core/kernels/kernel_sets.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#define SEMROUTE_TARGET __attribute__((target("avx2,fma")))

namespace semroute::core {
namespace avx2 {

using V = __m256;
constexpr std::size_t kWidth = 8;
alignas(64) constexpr std::array<std::int32_t, 16> kMask{-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

#define SEMROUTE_OP SEMROUTE_TARGET __attribute__((always_inline)) inline
SEMROUTE_OP V zero() noexcept { return _mm256_setzero_ps(); }
SEMROUTE_OP V load(const float* p) noexcept { return _mm256_loadu_ps(p); }
SEMROUTE_OP V load_part(const float* p, std::size_t n) noexcept {
  const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask.data() + (kWidth - n)));
  return _mm256_maskload_ps(p, mask);
}
SEMROUTE_OP V add(V a, V b) noexcept { return _mm256_add_ps(a, b); }
SEMROUTE_OP V dot_step(V sum, V a, V b) noexcept { return _mm256_fmadd_ps(a, b, sum); }
SEMROUTE_OP V l2_step(V sum, V a, V b) noexcept {
  const V d = _mm256_sub_ps(a, b);
  return _mm256_fmadd_ps(d, d, sum);
}
SEMROUTE_OP V l1_step(V sum, V a, V b) noexcept {
  return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b)));
}
SEMROUTE_OP float sum(V v) noexcept {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  half = _mm_add_ss(half, _mm_shuffle_ps(half, half, 1));
  return _mm_cvtss_f32(half);
}
#undef SEMROUTE_OP

#include "core/kernels/kernel_text.inc"

}  // namespace avx2

const Kernels kAvx2Kernels{Isa::avx2,        avx2::dot_pair,     avx2::l2_squared_pair,
                           avx2::l1_pair,    avx2::dot_all_rows, avx2::l2_squared_all_rows,
                           avx2::l1_all_rows};

}  // namespace semroute::core

#endif
