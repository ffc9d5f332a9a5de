// in_row_blocks: goes over many rows in blocks whose kernel values stay in the first cache, for codecs that correct
// what a kernel computed. Threads: none shared.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/cache_line.h"

namespace semroute::core {

inline constexpr std::size_t kRowsPerBlock = 64;

// block(first, count) for [0, rows) in order, 1 <= count <= kRowsPerBlock.
template <class Block>
void in_row_blocks(std::size_t rows, const Block& block) {
  for (std::size_t first = 0; first < rows; first += kRowsPerBlock) block(first, std::min(kRowsPerBlock, rows - first));
}

// Asks memory for what rows at `slots` hold behind their codes, where that begins a line: a gathering kernel asks for
// the lines of the codes alone.
inline void ask_for_factors(const std::byte* base, std::size_t row_bytes, std::size_t code_bytes,
                            const std::uint32_t* slots, std::size_t count) noexcept {
  if (whole_lines(code_bytes) != code_bytes) return;
  for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(base + slots[i] * row_bytes + code_bytes);
}

}  // namespace semroute::core
