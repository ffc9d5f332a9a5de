#include "core/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/core/kernels/codes_check.h"
#include "tests/core/kernels/convert_check.h"
#include "tests/core/kernels/float_check.h"

namespace semroute::core {
namespace {

// AVX-512 is also held against float64 where no processor has it: avx512_emulated_test.cpp.
std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> runnable;
  for (const Kernels* kernels : compiled_kernels())
    if (can_run(kernels->isa)) runnable.push_back(kernels);
  return runnable;
}

std::string test_name(const ::testing::TestParamInfo<const Kernels*>& set) {
  std::string name(set.param->name);
  std::replace(name.begin(), name.end(), '+', '_');
  return name;
}

class EveryKernelSet : public ::testing::TestWithParam<const Kernels*> {};

TEST_P(EveryKernelSet, AgreesWithFloat64OverAwkwardDimensions) { testing::check_floats(*GetParam()); }
TEST_P(EveryKernelSet, IsExactOverCodesOf8Bits) {
  testing::check_u8_dot(*GetParam());
  testing::check_u8_l1(*GetParam());
}
TEST_P(EveryKernelSet, NeverSaturatesOnTheLargestProducts) { testing::check_u8_dot_extremes(*GetParam()); }
TEST_P(EveryKernelSet, IsExactOverCodesOf4Bits) { testing::check_u4_dot(*GetParam()); }
TEST_P(EveryKernelSet, IsExactOverBits) { testing::check_u1_dot(*GetParam()); }
TEST_P(EveryKernelSet, AddsUpTableEntries) { testing::check_tables(*GetParam()); }
TEST_P(EveryKernelSet, ConvertsHalvesAsPlainArithmeticDoes) { testing::check_halves(*GetParam()); }
TEST_P(EveryKernelSet, ConvertsBfloatsAsPlainArithmeticDoes) { testing::check_bfloats(*GetParam()); }
TEST_P(EveryKernelSet, RoundsToSignedBytes) { testing::check_signed_bytes(*GetParam()); }

TEST_P(EveryKernelSet, GivesZeroForAVectorAgainstItself) {
  std::vector<float> vector(385);
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<float>(i) * 0.37F - 50.0F;
  EXPECT_EQ(GetParam()->l2_squared(vector.data(), vector.data(), vector.size()), 0.0F);
  EXPECT_EQ(GetParam()->l1(vector.data(), vector.data(), vector.size()), 0.0F);
}

// Norms up to kMaxNorm are accepted (vector_rules.h): no kernel may overflow on them.
TEST_P(EveryKernelSet, StaysFiniteAtTheLargestNorm) {
  std::vector<float> a(100, 1e17F);
  std::vector<float> b(100, -1e17F);
  EXPECT_NEAR(GetParam()->dot(a.data(), b.data(), a.size()), -1e36, 1e31);
  EXPECT_NEAR(GetParam()->l2_squared(a.data(), b.data(), a.size()), 4e36, 1e31);
  EXPECT_NEAR(GetParam()->l1(a.data(), b.data(), a.size()), 2e19, 1e14);
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryKernelSet, ::testing::ValuesIn(runnable_kernels()), test_name);

}  // namespace
}  // namespace semroute::core
