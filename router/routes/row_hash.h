// RowHash: 128 bits that stand for a row of floats, to find out which rows a reload brings again.
//
// Two rows that differ in a bit have the same hash about once in 2^128; it is no defence against someone who looks for
// two such rows on purpose. Complexity: linear. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace semroute::router {

struct RowHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const RowHash&) const = default;
};

[[nodiscard]] RowHash hash_row(std::span<const float> row) noexcept;

// Of each row of `values`.
[[nodiscard]] std::vector<RowHash> hash_rows(std::span<const float> values, std::size_t dimension);

}  // namespace semroute::router
