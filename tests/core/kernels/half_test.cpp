#include "core/kernels/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace semroute::core {
namespace {

// What the format says: 1 sign, 5 exponent and 10 fraction bits.
double value_of(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -size : size;
}

TEST(Half, EveryFiniteHalfIsTheFloatTheFormatSaysAndComesBack) {
  for (std::uint32_t i = 0; i < 65'536; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    if ((half & 0x7C00) == 0x7C00) continue;
    ASSERT_EQ(static_cast<double>(float_of_half(half)), value_of(half)) << i;
    ASSERT_EQ(half_of_float(float_of_half(half)), half) << i;
  }
  EXPECT_TRUE(std::signbit(float_of_half(0x8000)));
}

TEST(Half, InfinitiesStayAndNaNsAreMadeQuiet) {
  EXPECT_EQ(float_of_half(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(float_of_half(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(half_of_float(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(half_of_float(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(float_of_half(0x7C01)), 0x7FC0'2000U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(float_of_half(0xFE03)), 0xFFC0'6000U);
  EXPECT_EQ(half_of_float(std::bit_cast<float>(0x7F80'0001U)), 0x7E00);
  EXPECT_EQ(half_of_float(std::bit_cast<float>(0xFFC0'6000U)), 0xFE03);
}

// Every float between two neighbouring halves goes to the nearer, and from the middle to the even one.
TEST(Half, RoundsToTheNearestAndTiesToEven) {
  std::mt19937 random(2);
  std::uniform_real_distribution<double> place(0.0, 1.0);
  for (std::uint32_t i = 0; i < 0x7BFF; ++i) {
    const auto low = static_cast<std::uint16_t>(i);
    const auto high = static_cast<std::uint16_t>(i + 1);
    const double middle = (value_of(low) + value_of(high)) / 2;  // exact as a float
    ASSERT_EQ(half_of_float(static_cast<float>(middle)), i % 2 == 0 ? low : high) << i;
    ASSERT_EQ(half_of_float(std::nextafter(static_cast<float>(middle), 0.0F)), low) << i;
    ASSERT_EQ(half_of_float(std::nextafter(static_cast<float>(middle), 1e9F)), high) << i;
    const auto some = static_cast<float>(value_of(low) + place(random) * (value_of(high) - value_of(low)));
    const bool upper = static_cast<double>(some) > middle;
    if (static_cast<double>(some) != middle) {
      ASSERT_EQ(half_of_float(some), upper ? high : low) << some;
      ASSERT_EQ(half_of_float(-some), (upper ? high : low) | 0x8000) << some;
    }
  }
}

TEST(Half, FromHalfAStepBeyondTheLargestItIsInfinity) {
  EXPECT_EQ(half_of_float(65'504.0F), 0x7BFF);
  EXPECT_EQ(half_of_float(std::nextafter(65'520.0F, 0.0F)), 0x7BFF);
  EXPECT_EQ(half_of_float(65'520.0F), 0x7C00);
  EXPECT_EQ(half_of_float(-1e30F), 0xFC00);
}

TEST(Bfloat, RoundsToTheNearestAndTiesToEven) {
  const auto bfloat_of_bits = [](std::uint32_t bits) { return bfloat_of_float(std::bit_cast<float>(bits)); };
  EXPECT_EQ(bfloat_of_bits(0x3F80'0000U), 0x3F80);
  EXPECT_EQ(bfloat_of_bits(0x3F80'7FFFU), 0x3F80);
  EXPECT_EQ(bfloat_of_bits(0x3F80'8000U), 0x3F80);
  EXPECT_EQ(bfloat_of_bits(0x3F80'8001U), 0x3F81);
  EXPECT_EQ(bfloat_of_bits(0x3F81'8000U), 0x3F82);
  EXPECT_EQ(bfloat_of_bits(0xBF81'8000U), 0xBF82);
  EXPECT_EQ(bfloat_of_bits(0x0000'8001U), 0x0001);
  EXPECT_EQ(bfloat_of_bits(0x7F7F'8000U), 0x7F80);  // beyond the largest: infinity
  EXPECT_EQ(bfloat_of_bits(0xFF80'0000U), 0xFF80);
  EXPECT_EQ(bfloat_of_bits(0x7F80'0001U), 0x7FC0);  // a NaN stays one, and becomes quiet
}

TEST(Bfloat, EveryOneComesBack) {
  for (std::uint32_t i = 0; i < 65'536; ++i) {
    const auto bfloat = static_cast<std::uint16_t>(i);
    const bool signalling = (i & 0x7F80) == 0x7F80 && (i & 0x7F) != 0 && (i & 0x40) == 0;
    EXPECT_EQ(bfloat_of_float(float_of_bfloat(bfloat)), signalling ? bfloat | 0x40 : bfloat) << i;
  }
}

}  // namespace
}  // namespace semroute::core
