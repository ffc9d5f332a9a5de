// IndexBytes: what an index holds in memory, by part.
#pragma once

#include <cstddef>

namespace semroute::core {

struct IndexBytes {
  std::size_t vectors = 0;  // full vectors, f32 or f16
  std::size_t codes = 0;
  std::size_t graph = 0;
  std::size_t ids = 0;    // ids, their look-up, and the bookkeeping of places
  std::size_t other = 0;  // codebooks, search scratch
  [[nodiscard]] std::size_t total() const noexcept { return vectors + codes + graph + ids + other; }
};

}  // namespace semroute::core
