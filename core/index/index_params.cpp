#include "core/index/index_params.h"

#include <string>

#include "core/base/limits.h"

namespace semroute::core {
namespace {

template <class Word>
std::optional<Word> parse(std::string_view word, std::initializer_list<Word> all) noexcept {
  for (const Word one : all)
    if (word == to_string(one)) return one;
  return std::nullopt;
}

Error out_of_range(const char* key, std::size_t least, std::size_t most, std::size_t found) {
  return Error{ErrorCode::bad_request, std::string(key) + " must be " + std::to_string(least) + ".." +
                                           std::to_string(most) + ", got " + std::to_string(found)};
}

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::automatic: return "auto";
    case Algorithm::flat: return "flat";
    case Algorithm::hnsw: return "hnsw";
  }
  return "unknown";
}

std::string_view to_string(Rerank rerank) noexcept {
  switch (rerank) {
    case Rerank::f32: return "f32";
    case Rerank::f16: return "f16";
    case Rerank::none: return "none";
  }
  return "unknown";
}

std::optional<Algorithm> parse_algorithm(std::string_view word) noexcept {
  return parse(word, {Algorithm::automatic, Algorithm::flat, Algorithm::hnsw});
}

std::optional<Rerank> parse_rerank(std::string_view word) noexcept {
  return parse(word, {Rerank::f32, Rerank::f16, Rerank::none});
}

Result<void> check_params(const IndexParams& params) {
  if (params.dimension < 1 || params.dimension > kMaxDimension)
    return out_of_range("dimension", 1, kMaxDimension, params.dimension);
  if (params.capacity < 1 || params.capacity > kMaxCapacity)
    return out_of_range("capacity", 1, kMaxCapacity, params.capacity);
  const HnswParams& hnsw = params.hnsw;
  if (hnsw.m < kMinHnswM || hnsw.m > kMaxHnswM) return out_of_range("hnsw.m", kMinHnswM, kMaxHnswM, hnsw.m);
  if (hnsw.ef_construction < 1 || hnsw.ef_construction > kMaxEf)
    return out_of_range("hnsw.ef_construction", 1, kMaxEf, hnsw.ef_construction);
  if (hnsw.ef_search < 1 || hnsw.ef_search > kMaxEf) return out_of_range("hnsw.ef_search", 1, kMaxEf, hnsw.ef_search);
  if (params.quantization == Quantization::binary && params.metric == Metric::manhattan)
    return Error{ErrorCode::bad_request,
                 "quantization binary cannot estimate manhattan distances; use int8, f16 or none"};
  if (params.quantization == Quantization::none && params.rerank != Rerank::f32)
    return Error{ErrorCode::bad_request, "quantization none keeps the vectors as float32, so rerank must be f32, got " +
                                             std::string(to_string(params.rerank))};
  return {};
}

}  // namespace semroute::core
