// FloatBlock: one aligned block of float32, for rows that kernels stream over.
//
// 64-byte aligned (a cache line and the widest register); from 2 MiB on, aligned to and advised for
// huge pages, which halves the cost of a scan that leaves the cache. The floats are zeros at first.
// Complexity: allocate O(size). Threads: a plain value, movable. Errors: allocate gives an empty
// optional when the size overflows or memory is short. Lifetime: data() lives as long as the block.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

namespace semroute::core {

class FloatBlock {
 public:
  FloatBlock() = default;

  // A block of rows * stride floats; rows and stride may be 0.
  [[nodiscard]] static std::optional<FloatBlock> allocate(std::size_t rows, std::size_t stride);

  [[nodiscard]] float* data() noexcept { return data_.get(); }
  [[nodiscard]] const float* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  // memory held

 private:
  struct Free {
    void operator()(float* data) const noexcept;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace semroute::core
