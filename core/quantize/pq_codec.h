// PQ codec: one byte for each of about dimension / 8 subspaces, a product quantizer.
//
// Under cosine, dot and euclidean the centroids stand for directions from the centre of the training rows, and a row
// carries what corrects its estimates (residual_frame.h): without that the product of a vector with its own code falls
// short by the square of what the code lost, so that the nearest rows look farther than they are. Under manhattan:
// pq_l1_codec.h, which this makes, too. A query's code is the table that pq_sum reads.
//
// Row: one byte a subspace, three float32 factors, zeros up to a multiple of 64 bytes: 64 bytes for dimension 384,
// where there are 48 subspaces. Query: 64 bytes and 1 KiB a subspace. Error: calibrated on pairs of training rows
// (calibration.h), so it holds for all but a few in 10,000 rows that are like them; a row that its centroids fit much
// worse than any of those has the bound that always holds. Complexity: training at most some seconds
// (kMostTrainingFloats), encode and prepare O(256 d). Shapes, threads: codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/quantize/codec.h"

namespace semroute::core {

// Of training rows; more are thinned out evenly. 32 a centroid.
inline constexpr std::size_t kMostPqTrainingRows = 8'192;
inline constexpr std::size_t kMostPqTrainingFloats = std::size_t{1} << 23;

// How many rows of these a product quantizer learns from.
[[nodiscard]] std::size_t pq_training_rows(std::size_t dimension) noexcept;

// The subspaces for `dimension`: an eighth, but as many as fill a line where there are that many dimensions, since a
// row takes whole lines anyway; and up to a fifth less than an eighth where that saves a line.
[[nodiscard]] std::size_t pq_subspaces(std::size_t dimension) noexcept;

// Precondition: 1 <= dimension <= kMaxDimension; training_rows are whole rows, none included.
[[nodiscard]] std::unique_ptr<Codec> make_pq_codec(Metric metric, std::size_t dimension,
                                                   std::span<const float> training_rows, std::uint64_t seed,
                                                   const Kernels& kernels);

}  // namespace semroute::core
