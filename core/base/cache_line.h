// Lines of memory: what processors read at a time.
#pragma once

#include <cstddef>

namespace semroute::core {

inline constexpr std::size_t kLineBytes = 64;

[[nodiscard]] constexpr std::size_t whole_lines(std::size_t bytes) noexcept {
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

// Asks memory for the lines of what begins at `data`, on a line. Inlined by force: g++ drops calls of functions that
// do nothing but prefetch.
[[gnu::always_inline]] inline void ask_for(const void* data, std::size_t bytes) noexcept {
  for (std::size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(static_cast<const std::byte*>(data) + at);
}

}  // namespace semroute::core
