// The AVX-512 instructions of the kernels in portable code: SIMDe's, under their usual names, and those that
// SIMDe 0.7.4 lacks or names wrongly, lane by lane. For avx512_emulated_test.cpp alone.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/kernels/half.h"

// NOLINTBEGIN(bugprone-reserved-identifier): these are the names that the kernels' text uses
namespace semroute::core::avx512_emulated {

using __mmask8 = std::uint8_t;
using __mmask16 = std::uint16_t;

template <class To, class From>
To same_bytes(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
template <class Register, class Lane>
Register load_lanes(std::uint32_t mask, const Lane* from) {
  Lane lanes[sizeof(Register) / sizeof(Lane)] = {};
  for (std::size_t lane = 0; lane < sizeof(Register) / sizeof(Lane); ++lane)
    if ((mask >> lane & 1U) != 0) lanes[lane] = from[lane];
  return same_bytes<Register>(lanes);
}
template <class Register, class To, class From, class Source, class Function>
Register map_lanes(Source source, Function function) {
  constexpr std::size_t kCount = sizeof(Source) / sizeof(From);
  struct From16 {
    From lane[kCount];
  };
  struct To16 {
    To lane[kCount];
  } to;
  const From16 from = same_bytes<From16>(source);
  for (std::size_t lane = 0; lane < kCount; ++lane) to.lane[lane] = function(from.lane[lane]);
  return same_bytes<Register>(to);
}

#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps(mask, from) load_lanes<__m512>(mask, from)
#define _mm512_maskz_loadu_epi64(mask, from) load_lanes<__m512i>(mask, from)
#define _mm256_maskz_loadu_epi16(mask, from) load_lanes<__m256i>(mask, from)
#define _mm512_maskz_cvtph_ps(mask, halves) map_lanes<__m512, float, std::uint16_t>(halves, float_of_half)
#define _mm512_maskz_cvtps_ph(mask, floats, how) map_lanes<__m256i, std::uint16_t, float>(floats, half_of_float)
#define _mm512_maskz_cvtps_epi32(mask, floats) \
  map_lanes<__m512i, std::int32_t, float>(     \
      floats, [](float number) { return static_cast<std::int32_t>(std::nearbyint(number)); })
#define _mm512_maskz_cvtepi32_epi8(mask, numbers)        \
  map_lanes<__m128i, std::int8_t, std::int32_t>(numbers, \
                                                [](std::int32_t number) { return static_cast<std::int8_t>(number); })
#undef _mm512_maskz_extracti64x4_epi64
#define _mm512_maskz_extracti64x4_epi64(mask, a, half) simde_mm512_extracti64x4_epi64(a, half)
#define _mm512_maskz_cvtepu16_epi32(mask, numbers) \
  map_lanes<__m512i, std::uint32_t, std::uint16_t>(numbers, [](std::uint16_t number) { return std::uint32_t{number}; })
#define _mm512_maskz_slli_epi32(mask, a, count) simde_mm512_slli_epi32(a, count)
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)
#define _MM_FROUND_NO_EXC SIMDE_MM_FROUND_NO_EXC

}  // namespace semroute::core::avx512_emulated
// NOLINTEND(bugprone-reserved-identifier)
