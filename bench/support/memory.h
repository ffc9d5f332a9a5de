// Memory of this process as the system sees it, for what an index says of itself to be held against.
#pragma once

#include <cstddef>

namespace semroute::bench {

// Resident bytes now (/proc/self/statm), after free memory of the allocator went back to the system.
[[nodiscard]] std::size_t resident_bytes();

// Resident bytes that lie in huge pages now (/proc/self/smaps_rollup).
[[nodiscard]] std::size_t huge_page_bytes();

}  // namespace semroute::bench
