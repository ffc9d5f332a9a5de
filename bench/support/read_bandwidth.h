// What this machine reads at most, which kernels are held against: bytes of a block one after the other, and
// cache lines anywhere in it. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace semroute::bench {

// Reads `bytes` (a multiple of 1,024) from a 64-byte aligned address with the widest registers there are.
std::uint64_t read_in_order(const std::byte* from, std::size_t bytes);

// The same, the four quarters side by side: more streams for the prefetchers.
std::uint64_t read_four_parts(const std::byte* from, std::size_t bytes);

// Reads the 64-byte lines that `slots` name.
std::uint64_t read_lines(const std::byte* from, const std::uint32_t* slots, std::size_t count);

}  // namespace semroute::bench
