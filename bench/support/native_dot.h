// Inner products of one vector with rows, four at a time, as plain code that the compiler makes vectors of. Only for
// files compiled with SEMROUTE_BENCH_NATIVE (CMakeLists.txt): -O3 for the machine at hand, sums in any order.
#pragma once

#include <cstddef>

namespace semroute::bench {
namespace {

// With the row at `rows` and the three that follow it at a distance of `stride`.
inline void dot_four(const float* vector, const float* rows, std::size_t stride, std::size_t dimension, float* out) {
  const float* const a = rows;
  const float* const b = rows + stride;
  const float* const c = rows + 2 * stride;
  const float* const d = rows + 3 * stride;
  float sum_a = 0.0F;
  float sum_b = 0.0F;
  float sum_c = 0.0F;
  float sum_d = 0.0F;
  for (std::size_t i = 0; i < dimension; ++i) {
    sum_a += vector[i] * a[i];
    sum_b += vector[i] * b[i];
    sum_c += vector[i] * c[i];
    sum_d += vector[i] * d[i];
  }
  out[0] = sum_a;
  out[1] = sum_b;
  out[2] = sum_c;
  out[3] = sum_d;
}

// out[i] = the inner product with row i.
inline void dot_rows(const float* vector, const float* rows, std::size_t count, std::size_t dimension, float* out) {
  std::size_t row = 0;
  for (; row + 4 <= count; row += 4) dot_four(vector, rows + row * dimension, dimension, dimension, out + row);
  for (; row < count; ++row) {
    float same[4];
    dot_four(vector, rows + row * dimension, 0, dimension, same);
    out[row] = same[0];
  }
}

}  // namespace
}  // namespace semroute::bench
