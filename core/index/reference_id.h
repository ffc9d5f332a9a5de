// ReferenceId: what a caller calls a vector of an index, and what a search gives back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace semroute::core {

using ReferenceId = std::uint64_t;  // chosen by the caller; any value

// The ids first, first + 1, ..., first + count - 1.
struct IdRange {
  ReferenceId first = 0;
  std::size_t count = 0;
};

struct Hit {
  ReferenceId id = 0;
  float score = 0.0F;  // metric.h; higher is nearer
};

}  // namespace semroute::core
