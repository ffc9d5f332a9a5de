// make_codec: the codec that a word of the configuration names.
//
// Complexity: as each codec's header says; pq learns for some seconds at most. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/quantize/codec.h"
#include "core/quantize/quantization.h"

namespace semroute::core {

// Precondition: kind is not none; 1 <= dimension <= kMaxDimension; not binary under manhattan; training_rows are whole
// prepared rows, none included, of which each codec takes as many as it learns from.
[[nodiscard]] std::unique_ptr<Codec> make_codec(Quantization kind, Metric metric, std::size_t dimension,
                                                std::span<const float> training_rows, std::uint64_t seed,
                                                const Kernels& kernels);

}  // namespace semroute::core
