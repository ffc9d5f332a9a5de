#include "core/quantize/make_codec.h"

#include "core/base/check.h"
#include "core/quantize/int8_codec.h"

namespace semroute::core {

std::unique_ptr<const Codec> make_codec(Quantization kind, Metric metric, std::size_t dimension,
                                        std::span<const float> rows, std::uint64_t /*seed*/, const Kernels& kernels) {
  SEMROUTE_CHECK(kind != Quantization::none);
  return std::make_unique<Int8Codec>(metric, dimension, rows, kernels);
}

}  // namespace semroute::core
