// GrowingBlock: one block of memory that grows in place, for rows that others read while it grows.
//
// Address space for the most it may hold is reserved at once, memory is committed as it grows, so nothing moves and
// nothing is copied. Bytes are zeros at first. From 2 MiB on it is advised for huge pages: a random row then costs
// about half (fewer TLB misses), while small blocks stay small.
// Complexity: reserve O(1); grow O(bytes added).
// Threads: data() from any thread; grow from one at a time; what it added is handed to others by the caller.
// Errors: reserve gives an empty optional when the address space is not to be had, grow false when memory is short.
// Lifetime: data() stays the same from reserve to the end of the block.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace semroute::core {

class GrowingBlock {
 public:
  GrowingBlock() = default;
  GrowingBlock(GrowingBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        reserved_(std::exchange(other.reserved_, 0)),
        committed_(std::exchange(other.committed_, 0)) {}
  GrowingBlock& operator=(GrowingBlock&& other) noexcept;
  ~GrowingBlock();

  [[nodiscard]] static std::optional<GrowingBlock> reserve(std::size_t most_bytes);

  // Makes at least the first `bytes` usable. Precondition: bytes <= the most reserved.
  [[nodiscard]] bool grow(std::size_t bytes);

  template <class T>
  [[nodiscard]] T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return committed_; }  // memory held at most

 private:
  std::byte* data_ = nullptr;  // aligned to a huge page
  std::size_t reserved_ = 0;
  std::size_t committed_ = 0;
};

}  // namespace semroute::core
