// Half floats (IEEE 754) and bfloat16 numbers (the high half of a float) in plain C++, with the bits that the
// processors' conversions give: rounded to the nearest, ties to even; a NaN keeps its sign and the high bits of
// its payload, and is made quiet. Threads: pure functions.
#pragma once

#include <bit>
#include <cstdint>

namespace semroute::core {

[[nodiscard]] inline float float_of_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  // The exponent moves from a bias of 15 to one of 127, which the multiplication adds; it also makes the
  // numbers below 2^-14 normal ones.
  std::uint32_t bits = static_cast<std::uint32_t>(half & 0x7FFFU) << 13;
  const bool finite = bits < 0x0F800000U;
  const bool nan = bits > 0x0F800000U;
  if (finite) return std::bit_cast<float>(std::bit_cast<std::uint32_t>(std::bit_cast<float>(bits) * 0x1p112F) | sign);
  bits |= 0x7F800000U | (nan ? 0x00400000U : 0U);
  return std::bit_cast<float>(bits | sign);
}

[[nodiscard]] inline std::uint16_t half_of_float(float number) noexcept {
  const std::uint32_t all = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t sign = (all >> 16) & 0x8000U;
  std::uint32_t bits = all & 0x7FFFFFFFU;
  if (bits > 0x7F800000U) {
    bits = 0x7E00U | ((bits >> 13) & 0x3FFU);
  } else if (bits >= 0x47800000U) {  // 65,536
    bits = 0x7C00U;
  } else if (bits < 0x38800000U) {  // 2^-14: adding 1/2 leaves the multiple of 2^-24 in the low bits
    bits = std::bit_cast<std::uint32_t>(std::bit_cast<float>(bits) + 0.5F) - 0x3F000000U;
  } else {
    const std::uint32_t half_unit = 0xFFFU + ((bits >> 13) & 1U);
    bits = (bits - (112U << 23) + half_unit) >> 13;
  }
  return static_cast<std::uint16_t>(bits | sign);
}

[[nodiscard]] inline float float_of_bfloat(std::uint16_t bfloat) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16);
}

[[nodiscard]] inline std::uint16_t bfloat_of_float(float number) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(number);
  const bool nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  const std::uint32_t rounded = nan ? bits | 0x00400000U : bits + 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(rounded >> 16);
}

}  // namespace semroute::core
