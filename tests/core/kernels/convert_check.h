// Holds the conversions of vectors against plain arithmetic, bit for bit, over counts around every register width.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "core/kernels/half.h"
#include "core/kernels/kernels.h"
#include "tests/core/kernels/rows_check.h"

namespace semroute::core::testing {

inline constexpr std::size_t kCounts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 384};

// Numbers of every size, those between two halves among them, and what is no number; bits at random.
inline std::vector<float> floats_of_every_kind(std::size_t count) {
  std::mt19937 random(12);
  std::vector<float> floats = {0.0F,     -0.0F,      1.0F,       65'504.0F,   65'519.0F,  65'520.0F,   -65'536.0F,
                               0x1p-14F, 0x1p-15F,   0x1p-24F,   0x1p-25F,    0x1.8p-25F, 0x1p-26F,    -0x1p-24F,
                               1e30F,    0x1.002p0F, 0x1.006p0F, 0x1.0021p0F, 0x1p-149F,  0x1.ffep-15F};
  floats.push_back(std::numeric_limits<float>::infinity());
  floats.push_back(-std::numeric_limits<float>::infinity());
  floats.push_back(std::numeric_limits<float>::quiet_NaN());
  floats.push_back(std::bit_cast<float>(0xFFA1'2345U));  // a signalling NaN
  while (floats.size() < count) {
    const std::uint32_t bits = static_cast<std::uint32_t>(random());
    // Most exponents are beyond what a half holds; every second number is within.
    floats.push_back(std::bit_cast<float>(bits % 2 == 0 ? bits : (bits & 0x8FFF'FFFFU) | 0x3000'0000U));
  }
  return floats;
}

inline void check_halves(const Kernels& kernels) {
  std::vector<std::uint16_t> halves(65'536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(halves.size());
  kernels.from_f16(halves.data(), halves.size(), floats.data());
  for (std::size_t i = 0; i < halves.size(); ++i)
    ASSERT_TRUE(same_bits(floats[i], float_of_half(halves[i]))) << "half " << i;

  floats = floats_of_every_kind(20'000);
  halves.resize(floats.size());
  kernels.to_f16(floats.data(), floats.size(), halves.data());
  for (std::size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(halves[i], half_of_float(floats[i])) << floats[i];

  for (const std::size_t count : kCounts) {
    std::vector<std::uint16_t> some(count + 1, 0xABCD);
    kernels.to_f16(floats.data(), count, some.data());
    std::vector<float> back(count + 1, -7.0F);
    kernels.from_f16(some.data(), count, back.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(some[i], half_of_float(floats[i])) << i << " of " << count;
      ASSERT_TRUE(same_bits(back[i], float_of_half(some[i]))) << i << " of " << count;
    }
    ASSERT_EQ(some[count], 0xABCD) << "to_f16 wrote beyond " << count;
    ASSERT_EQ(back[count], -7.0F) << "from_f16 wrote beyond " << count;
  }
}

inline void check_bfloats(const Kernels& kernels) {
  const std::vector<float> floats = floats_of_every_kind(2'000);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{17}, floats.size()}) {
    std::vector<std::uint16_t> bfloats(count + 1, 0xABCD);
    std::vector<float> back(count + 1, -7.0F);
    kernels.to_bf16(floats.data(), count, bfloats.data());
    kernels.from_bf16(bfloats.data(), count, back.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(bfloats[i], bfloat_of_float(floats[i])) << floats[i];
      ASSERT_TRUE(same_bits(back[i], float_of_bfloat(bfloats[i]))) << floats[i];
    }
    ASSERT_EQ(bfloats[count], 0xABCD) << "to_bf16 wrote beyond " << count;
    ASSERT_EQ(back[count], -7.0F) << "from_bf16 wrote beyond " << count;
  }
}

inline int expected_s8(float from, float offset, float inverse_scale) {
  const float number = (from - offset) * inverse_scale;
  if (std::isnan(number) || number < -127.0F) return -127;
  return number > 127.0F ? 127 : static_cast<int>(std::nearbyint(number));
}

inline void check_signed_bytes(const Kernels& kernels) {
  std::vector<float> from = {0.0F,    0.5F,    1.5F,   2.5F,  -0.5F,  -1.5F,  126.5F, 126.4F, 127.4F, -126.5F,
                             -127.0F, -127.6F, 128.0F, 1e30F, -1e30F, 1e-30F, 3.0F,   -3.0F,  0.25F,  2'147'483'648.0F,
                             -3e9F,   12.5F,   13.5F,  -0.0F};
  from.push_back(std::numeric_limits<float>::infinity());
  from.push_back(-std::numeric_limits<float>::infinity());
  from.push_back(std::numeric_limits<float>::quiet_NaN());
  std::mt19937 random(13);
  std::uniform_real_distribution<float> number(-2.0F, 2.0F);
  while (from.size() < 400) from.push_back(number(random));
  for (const float inverse_scale : {1.0F, 100.0F, -31.7F}) {
    for (const std::size_t count : kCounts) {
      std::vector<float> offset(count);
      if (inverse_scale != 1.0F)
        for (float& one : offset) one = number(random);
      for (const std::size_t first : {std::size_t{0}, std::size_t{13}}) {
        std::vector<std::int8_t> to(count + 1, 99);
        kernels.to_s8(from.data() + first, offset.data(), inverse_scale, count, to.data());
        for (std::size_t i = 0; i < count; ++i)
          ASSERT_EQ(to[i], expected_s8(from[first + i], offset[i], inverse_scale)) << from[first + i];
        ASSERT_EQ(to[count], 99) << "to_s8 wrote beyond " << count;
      }
    }
  }
}

}  // namespace semroute::core::testing
