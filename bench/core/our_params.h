// Parameters of our index, and as words of a command line.
#pragma once

#include <cstddef>
#include <string>

#include "core/index/index_params.h"

namespace semroute::bench {

// The defaults of the configuration.
[[nodiscard]] core::IndexParams params_of(std::size_t dimension,
                                          core::Algorithm algorithm = core::Algorithm::automatic);

// `params` with the quantization and the rerank of a word like "int8:f32". Exits with 64 when it is none.
[[nodiscard]] core::IndexParams our_params(const std::string& word, core::IndexParams params);

}  // namespace semroute::bench
