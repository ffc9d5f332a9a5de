#include "bench/core/our_params.h"

#include <sysexits.h>

#include <vector>

#include "bench/support/program.h"

namespace semroute::bench {

core::IndexParams params_of(std::size_t dimension, core::Algorithm algorithm) {
  core::IndexParams params;
  params.dimension = dimension;
  params.algorithm = algorithm;
  return params;
}

core::IndexParams our_params(const std::string& word, core::IndexParams params) {
  const std::vector<std::string> parts = split(word, ':');
  const auto quantization = parts.size() == 2 ? core::parse_quantization(parts[0]) : std::nullopt;
  const auto rerank = parts.size() == 2 ? core::parse_rerank(parts[1]) : std::nullopt;
  if (!quantization || !rerank) stop(EX_USAGE, "expected QUANTIZATION:RERANK like int8:f32, got '" + word + "'");
  params.quantization = *quantization;
  params.rerank = *rerank;
  return params;
}

}  // namespace semroute::bench
