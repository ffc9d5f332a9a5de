// Memory of this process as the system sees it, for what an index says of itself to be held against.
#pragma once

#include <cstddef>

namespace semroute::bench {

// Resident bytes now (/proc/self/statm), after free memory of the allocator went back to the system.
[[nodiscard]] std::size_t resident_bytes();

// Resident bytes that lie in huge pages now (/proc/self/smaps_rollup).
[[nodiscard]] std::size_t huge_page_bytes();

// Has the system find so many bytes, and gives them back at once: a virtual machine's host may have taken what was
// free, and finding it again takes ten times as long as clearing it. Exits with 69 when memory is short.
void have_memory_at_hand(std::size_t bytes);

}  // namespace semroute::bench
