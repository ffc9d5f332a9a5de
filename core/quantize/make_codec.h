// make_codec: the codec of a quantization, trained on rows.
//
// `rows` are n x dimension prepared vectors, n >= 1. The same rows and seed make the same codec.
// Precondition: kind is not none, and works with the metric (index_params.h, check_params).
// Complexity: O(rows * dimension), for pq times 256. Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/kernels/kernels.h"
#include "core/kernels/metric.h"
#include "core/quantize/codec.h"
#include "core/quantize/quantization.h"

namespace semroute::core {

[[nodiscard]] std::unique_ptr<const Codec> make_codec(Quantization kind, Metric metric, std::size_t dimension,
                                                      std::span<const float> rows, std::uint64_t seed,
                                                      const Kernels& kernels);

}  // namespace semroute::core
