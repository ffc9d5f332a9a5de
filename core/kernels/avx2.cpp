#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx2 {

// All or none: with avx2 alone every fused multiply-add would be a function call.
#define SEMROUTE_SIMD __attribute__((target("avx2,fma,f16c")))

constexpr Isa kIsa = Isa::avx2;

// load_first(p, n) and its like take their mask from n lanes of ones and the zeros behind them.
alignas(64) constexpr std::int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
SEMROUTE_SIMD_INLINE __m256i first_lanes(std::size_t count) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMasks + 8 - count));
}

// Floats.

using Vec = __m256;
constexpr std::size_t kLanes = 8;

SEMROUTE_SIMD_INLINE Vec zero() noexcept { return _mm256_setzero_ps(); }
SEMROUTE_SIMD_INLINE Vec load(const float* from) noexcept { return _mm256_loadu_ps(from); }
SEMROUTE_SIMD_INLINE Vec load_first(const float* from, std::size_t count) noexcept {
  return _mm256_maskload_ps(from, first_lanes(count));
}
SEMROUTE_SIMD_INLINE __m128i load_halves(const std::uint16_t* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
// Pairs by a masked load, and the odd one by itself.
SEMROUTE_SIMD_INLINE __m128i load_first_halves(const std::uint16_t* from, std::size_t count) noexcept {
  const std::size_t pairs = count / 2;
  __m128i halves = _mm_maskload_epi32(reinterpret_cast<const int*>(from), _mm256_castsi256_si128(first_lanes(pairs)));
  if (count % 2 != 0) {
    const __m128i last = _mm_cvtsi32_si128(from[count - 1]);
    const __m128i lane = _mm_cmpeq_epi32(_mm_set_epi32(3, 2, 1, 0), _mm_set1_epi32(static_cast<int>(pairs)));
    halves = _mm_or_si128(halves, _mm_and_si128(lane, _mm_broadcastd_epi32(last)));
  }
  return halves;
}
SEMROUTE_SIMD_INLINE Vec widen_bf16(__m128i halves) noexcept {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
SEMROUTE_SIMD_INLINE Vec load_f16(const std::uint16_t* from) noexcept { return _mm256_cvtph_ps(load_halves(from)); }
SEMROUTE_SIMD_INLINE Vec load_f16_first(const std::uint16_t* from, std::size_t count) noexcept {
  return _mm256_cvtph_ps(load_first_halves(from, count));
}
SEMROUTE_SIMD_INLINE Vec load_bf16(const std::uint16_t* from) noexcept { return widen_bf16(load_halves(from)); }
SEMROUTE_SIMD_INLINE Vec load_bf16_first(const std::uint16_t* from, std::size_t count) noexcept {
  return widen_bf16(load_first_halves(from, count));
}
SEMROUTE_SIMD_INLINE unsigned at_least(Vec a, Vec b) noexcept {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
}
SEMROUTE_SIMD_INLINE Vec add(Vec a, Vec b) noexcept { return _mm256_add_ps(a, b); }
SEMROUTE_SIMD_INLINE Vec sub(Vec a, Vec b) noexcept { return _mm256_sub_ps(a, b); }
SEMROUTE_SIMD_INLINE Vec abs(Vec a) noexcept { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
SEMROUTE_SIMD_INLINE Vec mul_add(Vec a, Vec b, Vec c) noexcept { return _mm256_fmadd_ps(a, b, c); }
SEMROUTE_SIMD_INLINE void store_sums(Vec a, Vec b, Vec c, Vec d, float* out) noexcept {
  const Vec ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const Vec cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const Vec abcd = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xEE));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

SEMROUTE_SIMD_INLINE Vec multiply(Vec a, Vec b) noexcept { return _mm256_mul_ps(a, b); }
SEMROUTE_SIMD_INLINE Vec broadcast(float number) noexcept { return _mm256_set1_ps(number); }
SEMROUTE_SIMD_INLINE void store(float* to, Vec numbers) noexcept { _mm256_storeu_ps(to, numbers); }
SEMROUTE_SIMD_INLINE void store_f16(std::uint16_t* to, Vec numbers) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm256_cvtps_ph(numbers, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
// Of a NaN and a number, max takes the second.
SEMROUTE_SIMD_INLINE void store_s8(std::int8_t* to, Vec numbers) noexcept {
  const Vec held = _mm256_min_ps(_mm256_max_ps(numbers, _mm256_set1_ps(-127.0F)), _mm256_set1_ps(127.0F));
  const __m256i whole = _mm256_cvtps_epi32(held);
  const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(half, half));
}

// Codes.

#include "core/kernels/avx2_integers.inc"

// vpmaddubsw would saturate: codes are widened to 16 bits, those at even and at odd places apart.
struct SignedCodes {
  __m256i even;
  __m256i odd;
};
SEMROUTE_SIMD_INLINE SignedCodes load_signed(const std::int8_t* from) noexcept {
  const __m256i codes = load_256(from);
  return {_mm256_srai_epi16(_mm256_slli_epi16(codes, 8), 8), _mm256_srai_epi16(codes, 8)};
}
SEMROUTE_SIMD_INLINE Sums add_products(Sums sum, Codes row, SignedCodes query) noexcept {
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(row, _mm256_set1_epi16(0xFF)), query.even);
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(row, 8), query.odd);
  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}

using SignedNibbles = __m256i;
SEMROUTE_SIMD_INLINE SignedNibbles load_for_nibbles(const std::int8_t* from) noexcept { return load_256(from); }
// Nibbles are too small to saturate: four products are at most 4 * 15 * 128.
SEMROUTE_SIMD_INLINE Sums add_nibbles(Sums sum, Codes row, SignedNibbles low, SignedNibbles high) noexcept {
  const __m256i products =
      _mm256_add_epi16(_mm256_maddubs_epi16(low_nibbles(row), low), _mm256_maddubs_epi16(high_nibbles(row), high));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
}

// Bits.

using Bits = __m256i;
constexpr std::size_t kWords = 4;

SEMROUTE_SIMD_INLINE Bits load_bits(const std::uint64_t* from) noexcept { return load_256(from); }
SEMROUTE_SIMD_INLINE Bits load_first_bits(const std::uint64_t* from, std::size_t count) noexcept {
  return _mm256_maskload_epi64(reinterpret_cast<const long long*>(from), first_lanes(2 * count));
}
// A plane's weight times the bits that are 1 in each byte: nibbles are looked up.
template <int kWeight>
SEMROUTE_SIMD_INLINE __m256i weighted_bits(Bits bits) noexcept {
  constexpr char w = kWeight;
  const __m256i table = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, w, w, 2 * w, w, 2 * w, 2 * w, 3 * w, w, 2 * w, 2 * w, 3 * w, 2 * w, 3 * w, 3 * w, 4 * w));
  return _mm256_add_epi8(_mm256_shuffle_epi8(table, low_nibbles(bits)), _mm256_shuffle_epi8(table, high_nibbles(bits)));
}
// A byte holds at most (1 + 2 + 4 + 8) * 8.
SEMROUTE_SIMD_INLINE Sums add_weighted_bits(Sums sum, Bits row, Bits p0, Bits p1, Bits p2, Bits p3) noexcept {
  const __m256i low = _mm256_add_epi8(weighted_bits<1>(_mm256_and_si256(row, p0)),  //
                                      weighted_bits<2>(_mm256_and_si256(row, p1)));
  const __m256i high = _mm256_add_epi8(weighted_bits<4>(_mm256_and_si256(row, p2)),  //
                                       weighted_bits<8>(_mm256_and_si256(row, p3)));
  return _mm256_add_epi32(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
}

#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::avx2

#endif
