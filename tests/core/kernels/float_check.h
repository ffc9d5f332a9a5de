// Holds the kernels of floats against float64 sums: over dimensions around every register width, with
// pointers off alignment and strides that are no multiple of anything.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "core/kernels/half.h"
#include "core/kernels/kernels.h"
#include "tests/core/kernels/rows_check.h"

namespace semroute::core::testing {

inline constexpr std::size_t kAwkwardDimensions[] = {1,   2,   3,   4,   5,   7,   8,    9,    15,   16,  17,
                                                     31,  32,  33,  63,  64,  65,  100,  127,  128,  129, 255,
                                                     256, 257, 383, 384, 385, 768, 1000, 1024, 1536, 4096};
// What a row's padding and its neighbours hold: a kernel that reads one too many is far off.
inline constexpr float kPoison = 1e30F;
inline constexpr std::uint16_t kPoisonHalf = 0x7C00;  // infinity

enum class Quantity { dot, l2_squared, l1 };

struct Exact {
  double value = 0.0;
  double size = 0.0;  // the sum of the terms' magnitudes, which scales the accepted error
};

inline double wide(float number) { return static_cast<double>(number); }
inline double wide(std::uint16_t half) { return static_cast<double>(float_of_half(half)); }

template <class Row>
Exact exact(Quantity quantity, const float* a, const Row* b, std::size_t dimension) {
  Exact sum;
  for (std::size_t i = 0; i < dimension; ++i) {
    const double difference = wide(a[i]) - wide(b[i]);
    const double term = quantity == Quantity::dot          ? wide(a[i]) * wide(b[i])
                        : quantity == Quantity::l2_squared ? difference * difference
                                                           : std::fabs(difference);
    sum.value += term;
    sum.size += std::fabs(term);
  }
  return sum;
}

// `values` are drawn around `centre`: 0 makes terms cancel, 1 makes every rounding add up.
template <class Row>
void check_float_rows(Quantity quantity, RowKernel<float, Row, float> kernel, float centre) {
  constexpr bool kHalf = std::is_same_v<Row, std::uint16_t>;
  std::mt19937 random(7);
  std::uniform_real_distribution<float> number(centre - 1.0F, centre + 1.0F);
  for (const std::size_t dimension : kAwkwardDimensions) {
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      std::vector<float> query(offset + dimension + 1, kPoison);
      for (std::size_t i = 0; i < dimension; ++i) query[offset + i] = number(random);
      Row poison{};
      if constexpr (kHalf)
        poison = kPoisonHalf;
      else
        poison = kPoison;
      RowBlock<Row> block(dimension, dimension + offset * 5, poison, offset);
      for (std::size_t row = 0; row < kMostRows; ++row)
        for (std::size_t i = 0; i < dimension; ++i) {
          if constexpr (kHalf)
            block.row(row)[i] = half_of_float(number(random));
          else
            block.row(row)[i] = number(random);
        }
      check_rows(kernel, &query[offset], block, [&](const Row* row, float result) {
        const Exact expected = exact(quantity, &query[offset], row, dimension);
        ASSERT_NEAR(result, expected.value, kKernelErrorBound * expected.size) << "dimension " << dimension;
      });
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

inline void check_bf16(BF16Kernel kernel, float centre) {
  std::mt19937 random(10);
  std::uniform_real_distribution<float> number(centre - 1.0F, centre + 1.0F);
  const auto fill = [&](std::uint16_t* to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = bfloat_of_float(number(random));
  };
  for (const std::size_t dimension : kAwkwardDimensions)
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      std::vector<std::uint16_t> query(offset + dimension + 1, bfloat_of_float(kPoison));
      fill(&query[offset], dimension);
      RowBlock<std::uint16_t> block(dimension, dimension + offset * 5, bfloat_of_float(kPoison), offset);
      for (std::size_t row = 0; row < kMostRows; ++row) fill(block.row(row), dimension);
      check_rows(kernel, &query[offset], block, [&](const std::uint16_t* row, float result) {
        Exact expected;
        for (std::size_t i = 0; i < dimension; ++i) {
          const double product = wide(float_of_bfloat(query[offset + i])) * wide(float_of_bfloat(row[i]));
          expected.value += product;
          expected.size += std::fabs(product);
        }
        ASSERT_NEAR(result, expected.value, kKernelErrorBound * expected.size) << "dimension " << dimension;
      });
      if (::testing::Test::HasFatalFailure()) return;
    }
}

inline void check_pair(Quantity quantity, PairKernel kernel, float centre) {
  std::mt19937 random(8);
  std::uniform_real_distribution<float> number(centre - 1.0F, centre + 1.0F);
  for (const std::size_t dimension : kAwkwardDimensions)
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      std::vector<float> a(offset + dimension + 1, kPoison);
      std::vector<float> b(offset + dimension + 1, kPoison);
      for (std::size_t i = 0; i < dimension; ++i) {
        a[offset + i] = number(random);
        b[offset + i] = number(random);
      }
      const Exact expected = exact(quantity, &a[offset], &b[offset], dimension);
      ASSERT_NEAR(kernel(&a[offset], &b[offset], dimension), expected.value, kKernelErrorBound * expected.size)
          << "dimension " << dimension;
    }
}

inline void check_floats(const Kernels& kernels) {
  for (const float centre : {0.0F, 1.0F}) {
    SCOPED_TRACE(centre);
    check_pair(Quantity::dot, kernels.dot, centre);
    check_pair(Quantity::l2_squared, kernels.l2_squared, centre);
    check_pair(Quantity::l1, kernels.l1, centre);
    check_float_rows(Quantity::dot, kernels.f32_dot, centre);
    check_float_rows(Quantity::l2_squared, kernels.f32_l2_squared, centre);
    check_float_rows(Quantity::l1, kernels.f32_l1, centre);
    check_float_rows(Quantity::dot, kernels.f16_dot, centre);
    check_float_rows(Quantity::l2_squared, kernels.f16_l2_squared, centre);
    check_float_rows(Quantity::l1, kernels.f16_l1, centre);
    check_bf16(kernels.bf16_dot, centre);
  }
}

inline void check_tables(const Kernels& kernels) {
  constexpr std::size_t kEntries = 256;
  std::mt19937 random(9);
  std::uniform_real_distribution<float> number(0.0F, 1.0F);
  for (const std::size_t subspaces : {1U, 2U, 3U, 7U, 8U, 16U, 33U, 48U, 63U, 64U, 65U, 96U, 192U}) {
    std::vector<float> tables(subspaces * kEntries);
    for (float& entry : tables) entry = number(random);
    RowBlock<std::uint8_t> block(subspaces, (subspaces + 63) / 64 * 64, 255);
    for (std::size_t row = 0; row < kMostRows; ++row)
      for (std::size_t j = 0; j < subspaces; ++j) block.row(row)[j] = static_cast<std::uint8_t>(random());
    check_rows(kernels.pq_sum, tables.data(), block, [&](const std::uint8_t* row, float result) {
      double sum = 0.0;
      for (std::size_t j = 0; j < subspaces; ++j) sum += wide(tables[j * kEntries + row[j]]);
      ASSERT_NEAR(result, sum, kKernelErrorBound * sum) << subspaces << " subspaces";
    });
  }
}

}  // namespace semroute::core::testing
