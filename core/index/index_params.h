// IndexParams: what an index is made with. Names are those of the configuration's `index:` section.
//
// Threads: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/kernels/metric.h"
#include "core/quantize/quantization.h"

namespace semroute::core {

// automatic: scan while that is faster, then walk a graph.
enum class Algorithm : std::uint8_t { automatic, flat, hnsw };

// What is kept to score the candidates of the codes' first look. none: nothing, so scores are approximate.
enum class Rerank : std::uint8_t { f32, f16, none };

[[nodiscard]] std::string_view to_string(Algorithm algorithm) noexcept;
[[nodiscard]] std::string_view to_string(Rerank rerank) noexcept;
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view word) noexcept;  // "auto", "flat", "hnsw"
[[nodiscard]] std::optional<Rerank> parse_rerank(std::string_view word) noexcept;

// Malkov & Yashunin, arXiv:1603.09320: M, efConstruction, ef.
struct HnswParams {
  std::size_t m = 16;                 // links a node makes on each layer; twice as many are kept on layer 0
  std::size_t ef_construction = 200;  // candidates looked at for them
  std::size_t ef_search = 64;         // candidates kept by a search
};

struct IndexParams {
  Metric metric = Metric::cosine;
  std::size_t dimension = 0;
  Algorithm algorithm = Algorithm::automatic;
  Quantization quantization = Quantization::none;
  Rerank rerank = Rerank::f32;
  std::size_t capacity = 10'000'000;
  HnswParams hnsw;
  // automatic: so many references get a graph; 0: from where on walking is measured to be clearly faster.
  std::size_t graph_from = 0;
};

// Errors: bad_request for a value out of range or a combination that cannot work, naming the key.
[[nodiscard]] Result<void> check_params(const IndexParams& params);

}  // namespace semroute::core
