// Holds one kernel table against float64 sums: over dimensions around every register width, with
// pointers off alignment, strides that are no multiple of anything, and row counts 0 to 9.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

#include "core/kernels/kernels.h"
#include "tests/core/kernels/rows_check.h"

namespace semroute::core::testing {

inline constexpr std::size_t kAwkwardDimensions[] = {1,   2,   3,   4,   5,   7,   8,    9,    15,   16,  17,
                                                     31,  32,  33,  63,  64,  65,  100,  127,  128,  129, 255,
                                                     256, 257, 383, 384, 385, 768, 1000, 1024, 1536, 4096};
// What a row's padding and its neighbours hold: a kernel that reads one too many is far off.
inline constexpr float kPoison = 1e30F;

enum class Quantity { dot, l2_squared, l1 };

struct Exact {
  double value = 0.0;
  double size = 0.0;  // the sum of the terms' magnitudes, which scales the accepted error
};

inline Exact exact(Quantity quantity, const float* a, const float* b, std::size_t dimension) {
  Exact sum;
  for (std::size_t i = 0; i < dimension; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    const double term = quantity == Quantity::dot          ? static_cast<double>(a[i]) * static_cast<double>(b[i])
                        : quantity == Quantity::l2_squared ? difference * difference
                                                           : std::fabs(difference);
    sum.value += term;
    sum.size += std::fabs(term);
  }
  return sum;
}

// `values` are drawn around `centre`: 0 makes terms cancel, 1 makes every rounding add up.
inline void check_quantity(Quantity quantity, PairKernel pair, F32Kernel kernel, float centre) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> number(centre - 1.0F, centre + 1.0F);
  for (const std::size_t dimension : kAwkwardDimensions) {
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      const std::size_t stride = dimension + offset * 5;
      std::vector<float> query(offset + dimension + 1, kPoison);
      std::vector<float> block(offset + kMostRows * stride + 1, kPoison);
      for (std::size_t i = 0; i < dimension; ++i) query[offset + i] = number(random);
      for (std::size_t row = 0; row < kMostRows; ++row)
        for (std::size_t i = 0; i < dimension; ++i) block[offset + row * stride + i] = number(random);
      // The last row repeats the first: equal rows must tie exactly, wherever they stand.
      std::memcpy(&block[offset + (kMostRows - 1) * stride], &block[offset], dimension * sizeof(float));

      float full[kMostRows];
      kernel.rows(&query[offset], &block[offset], stride, kMostRows, dimension, full);
      for (std::size_t row = 0; row < kMostRows; ++row) {
        const float* at = &block[offset + row * stride];
        const Exact expected = exact(quantity, &query[offset], at, dimension);
        const double bound = kKernelErrorBound * expected.size;
        ASSERT_NEAR(full[row], expected.value, bound) << "rows, dimension " << dimension << ", row " << row;
        ASSERT_NEAR(pair(&query[offset], at, dimension), expected.value, bound) << "pair, dimension " << dimension;
      }
      ASSERT_TRUE(same_bits(full[0], full[kMostRows - 1])) << "dimension " << dimension;

      for (std::size_t count = 0; count < kMostRows; ++count) {
        float some[kMostRows + 1];
        for (float& value : some) value = kPoison;
        kernel.rows(&query[offset], &block[offset], stride, count, dimension, some);
        for (std::size_t row = 0; row < count; ++row)
          ASSERT_TRUE(same_bits(some[row], full[row]))
              << "dimension " << dimension << ", row " << row << " of " << count;
        for (std::size_t row = count; row <= kMostRows; ++row)
          ASSERT_EQ(some[row], kPoison) << "wrote beyond the " << count << " rows";
      }
    }
  }
}

inline void check_kernels(const Kernels& kernels) {
  for (const float centre : {0.0F, 1.0F}) {
    SCOPED_TRACE(centre);
    check_quantity(Quantity::dot, kernels.dot, kernels.f32_dot, centre);
    check_quantity(Quantity::l2_squared, kernels.l2_squared, kernels.f32_l2_squared, centre);
    check_quantity(Quantity::l1, kernels.l1, kernels.f32_l1, centre);
  }
}

}  // namespace semroute::core::testing
