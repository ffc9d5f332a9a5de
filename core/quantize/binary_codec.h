// Binary codec: one bit a number, the sign of each coordinate of a row's direction from the centre, turned at random.
//
// The query's direction is kept in 4 bits a coordinate, from its smallest to its largest in 15 equal steps, as the
// planes that u1_dot wants. An estimate is one such product, corrected by what the row carries (residual_frame.h).
// Source: RaBitQ, Gao & Long, arXiv:2405.12497. Other than there, a query's coordinates are rounded to the nearest step
// (codes stay deterministic), and rows carry the error's cause in the number that encode() returns.
//
// Row: dimension bits in 64-bit words, four float32 factors, zeros up to a multiple of 64 bytes: 64 bytes for dimension
// 384. Error: for 3.5 deviations, which 5 of 10,000 normally distributed errors pass; measured in
// tests/core/quantize/rotated_codecs_test.cpp. An estimate's deviation for unit vectors is about 0.75 |q - c| |r| /
// sqrt(dimension).
// Complexity: encode and prepare O(d log d). Shapes, threads: codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/quantize/codec.h"

namespace semroute::core {

// Precondition: 1 <= dimension <= kMaxDimension; the metric is not manhattan, which no rotation keeps; training_rows
// are whole rows, none included.
[[nodiscard]] std::unique_ptr<Codec> make_binary_codec(Metric metric, std::size_t dimension,
                                                       std::span<const float> training_rows, std::uint64_t seed,
                                                       const Kernels& kernels);

}  // namespace semroute::core
