// The AVX-512 kernels' own text against float64 on any machine: compiled here over SIMDe, which
// spells each instruction out in portable code. What it cannot show is speed, or that the processor
// agrees; kernels_test does that where the processor has AVX-512.
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernels.h"
#include "tests/core/kernel_check.h"

namespace semroute::core::avx512_emulated {
namespace {

// The name and the instruction that SIMDe does not have.
using __mmask16 = simde__mmask16;
inline __m512 load_masked(__mmask16 mask, const float* from) {
  float lanes[16] = {};
  for (std::size_t lane = 0; lane < 16; ++lane)
    if ((mask >> lane & 1U) != 0) lanes[lane] = from[lane];
  return simde_mm512_loadu_ps(lanes);
}
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps(mask, from) load_masked(mask, from)

#define SEMROUTE_SIMD
#include "core/kernels/avx512_lanes.inc"
#include "core/kernels/kernels_body.inc"

TEST(Avx512Emulated, AgreesWithFloat64OverAwkwardDimensions) {
  EXPECT_EQ(kLanes, 16U);
  testing::check_kernels(kKernels);
}

}  // namespace
}  // namespace semroute::core::avx512_emulated
