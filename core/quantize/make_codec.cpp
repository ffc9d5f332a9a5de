#include "core/quantize/make_codec.h"

#include "core/base/check.h"
#include "core/quantize/binary_codec.h"
#include "core/quantize/f16_codec.h"
#include "core/quantize/int8_codec.h"
#include "core/quantize/pq_codec.h"

namespace semroute::core {

std::unique_ptr<Codec> make_codec(Quantization kind, Metric metric, std::size_t dimension,
                                  std::span<const float> training_rows, std::uint64_t seed, const Kernels& kernels) {
  switch (kind) {
    case Quantization::none: break;
    case Quantization::f16: return make_f16_codec(metric, dimension, training_rows, kernels);
    case Quantization::int8: return std::make_unique<Int8Codec>(metric, dimension, training_rows, kernels);
    case Quantization::pq: return make_pq_codec(metric, dimension, training_rows, seed, kernels);
    case Quantization::binary: return make_binary_codec(metric, dimension, training_rows, seed, kernels);
  }
  SEMROUTE_CHECK(!"a quantization that has a codec");
  return nullptr;
}

}  // namespace semroute::core
