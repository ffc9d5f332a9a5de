// The AVX-512 kernels' own text against float64 on any machine: compiled here over SIMDe, which
// spells each instruction out in portable code. What it cannot show is speed, or that the processor
// agrees; kernels_test does that where the processor has AVX-512.
#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"
#include "tests/core/kernels/avx512_emulation.h"
#include "tests/core/kernels/codes_check.h"
#include "tests/core/kernels/convert_check.h"
#include "tests/core/kernels/float_check.h"

namespace semroute::core::avx512_emulated {
namespace {

#define SEMROUTE_SIMD
#include "core/kernels/avx512_lanes.inc"
#include "core/kernels/kernels_body.inc"

TEST(Avx512Emulated, AgreesWithFloat64OverAwkwardDimensions) {
  EXPECT_EQ(kLanes, 16U);
  testing::check_floats(kKernels);
}

TEST(Avx512Emulated, IsExactOverCodesAndBits) {
  testing::check_u8_dot(kKernels);
  testing::check_u8_dot_extremes(kKernels);
  testing::check_u8_l1(kKernels);
  testing::check_u4_dot(kKernels);
  testing::check_u1_dot(kKernels);
}

TEST(Avx512Emulated, AddsUpTableEntries) { testing::check_tables(kKernels); }

TEST(Avx512Emulated, Converts) {
  testing::check_halves(kKernels);
  testing::check_bfloats(kKernels);
  testing::check_signed_bytes(kKernels);
}

}  // namespace
}  // namespace semroute::core::avx512_emulated

#endif
