#include "core/quantize/quantization.h"

namespace semroute::core {

std::string_view to_string(Quantization quantization) noexcept {
  switch (quantization) {
    case Quantization::none: return "none";
    case Quantization::f16: return "f16";
    case Quantization::int8: return "int8";
    case Quantization::pq: return "pq";
    case Quantization::binary: return "binary";
  }
  return "unknown";
}

std::optional<Quantization> parse_quantization(std::string_view word) noexcept {
  for (const Quantization quantization :
       {Quantization::none, Quantization::f16, Quantization::int8, Quantization::pq, Quantization::binary})
    if (word == to_string(quantization)) return quantization;
  return std::nullopt;
}

}  // namespace semroute::core
