// in_row_blocks: goes over many rows in blocks whose kernel values stay in the first cache, for codecs that correct
// what a kernel computed. Threads: none shared.
#pragma once

#include <algorithm>
#include <cstddef>

namespace semroute::core {

inline constexpr std::size_t kRowsPerBlock = 64;

// block(first, count) for [0, rows) in order, 1 <= count <= kRowsPerBlock.
template <class Block>
void in_row_blocks(std::size_t rows, const Block& block) {
  for (std::size_t first = 0; first < rows; first += kRowsPerBlock) block(first, std::min(kRowsPerBlock, rows - first));
}

[[nodiscard]] constexpr std::size_t whole_lines(std::size_t bytes) noexcept {
  constexpr std::size_t kLineBytes = 64;
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

}  // namespace semroute::core
