// F16 codec: every number as an IEEE 754 half, the query in full.
//
// Row: dimension halves, then zeros up to 64 bytes. The halves are of the vector times one power of two for all rows,
// which brings the largest number of the training rows just below 2^8 (under euclidean and manhattan it is at most
// 2^4): halves reach from 6e-5 to 65,504 with full precision, and what is beyond is held to the largest. Query:
// dimension floats.
// Error: proven. With e the difference between a vector and its halves, |<q, e>| <= |q| |e| (2-norms), the same for the
// squared distance as <e, 2 q - 2 x + e>, and for the L1 distance the 1-norm of e; each widened by
// accumulation_bound (rounding.h) for the float32 sums of the estimate and of the key itself.
// Memory: 2 bytes a number. Shapes, complexity, threads: codec.h.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/quantize/codec.h"

namespace semroute::core {

// Precondition: 1 <= dimension <= kMaxDimension; training_rows are whole rows, none included.
[[nodiscard]] std::unique_ptr<Codec> make_f16_codec(Metric metric, std::size_t dimension,
                                                    std::span<const float> training_rows, const Kernels& kernels);

}  // namespace semroute::core
