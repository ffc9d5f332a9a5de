// Nibble codec: four bits a number, each coordinate of a row's direction from the centre, turned at random.
//
// A coordinate is kept as one of 16 equal steps around 0, u - 7.5 times a step length that is chosen for each row so
// that the code's direction comes nearest to the row's; its length does not matter, an estimate is corrected by the
// product of code and row (residual_frame.h). The query's direction is kept in 8 bits. This is the code for walking a
// graph: about a sixth of the vector's bytes, at a seventh of the error of one bit.
// Source: the idea of arXiv:2409.09913 (Gao et al., "Practical and asymptotically optimal quantization of
// high-dimensional vectors in Euclidean space"), with a search over some step lengths in place of all that matter.
//
// Row: codes as u4_dot reads them, dimension / 2 bytes in whole 64-byte lines, three float32 factors, zeros up to a
// multiple of 64 bytes: 256 bytes for dimension 384. Error: for 3.5 deviations, as in binary_codec.h; the deviation for
// unit vectors is about 0.107 |q - c| |r| / sqrt(dimension). Complexity: encode and prepare O(d log d). Shapes,
// threads: codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/quantize/codec.h"

namespace semroute::core {

// Precondition: 1 <= dimension <= kMaxDimension; the metric is not manhattan, which no rotation keeps; training_rows
// are whole rows, none included.
[[nodiscard]] std::unique_ptr<Codec> make_nibble_codec(Metric metric, std::size_t dimension,
                                                       std::span<const float> training_rows, std::uint64_t seed,
                                                       const Kernels& kernels);

}  // namespace semroute::core
