// PQ codec for manhattan: one byte for each of about dimension / 8 subspaces of the vectors themselves.
//
// With a query q, a row x and its centroids y, the table gives T = |q - y|_1, and the row carries E = |x - y|_1. T is
// too far for rows nearer than E, and too near for others, since centroids are means. Were all differences normal,
// independent and of one size, distances would grow like deviations, and |q - x|^2 = f (T^2 - E^2) with f = |x - c|^2 /
// <x - c, y - c> for the centre c; that is the estimate, held to what the triangle allows, [|T - E|, T + E].
//
// Row, query, error, complexity: as pq_codec.h. Here the bound that always holds is 2 E.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/quantize/codec.h"

namespace semroute::core {

// Preconditions as make_pq_codec.
[[nodiscard]] std::unique_ptr<Codec> make_pq_l1_codec(std::size_t dimension, std::span<const float> training_rows,
                                                      std::uint64_t seed, const Kernels& kernels);

}  // namespace semroute::core
