// Clustered vectors: what graph indexes are measured on, because uniform directions have no neighbourhoods to find.
//
// With s_i = 1 / sqrt(i + 1) for axis i: 10,000 centres are s * N(0, I); a point is a random centre + 0.7 * s * N(0,
// I); then one random rotation, and every vector gets unit length. From mt19937_64(seed) are drawn, in this order, the
// centres, the rotation, the queries and the rows, so a smaller set is the beginning of a larger one.
// Complexity: O(count * dimension^2) for the rotation, on `threads` threads; the drawing takes one. Memory: 4 bytes a
// number.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/base/float_block.h"

namespace semroute::bench {

struct ClusteredSet {
  std::size_t count = 0;
  std::size_t dimension = 0;
  std::size_t queries = 1'000;
  unsigned seed = 7;

  // Names the set, e.g. for files: "clustered_200000x384_q1000_s7".
  [[nodiscard]] std::string key() const;
};

struct VectorSet {
  std::size_t count = 0;
  std::size_t dimension = 0;
  core::FloatBlock block;
  std::vector<float> queries;

  [[nodiscard]] std::span<const float> rows() const { return {block.data(), count * dimension}; }
  [[nodiscard]] const float* row(std::size_t i) const { return block.data() + i * dimension; }
};

// Exits with 69 when memory is short.
[[nodiscard]] VectorSet clustered_vectors(const ClusteredSet& set, std::size_t threads);

}  // namespace semroute::bench
