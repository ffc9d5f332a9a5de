// FullRows: the full vectors of an index by slot, in float32 or half floats, and kernel values of them.
//
// Shapes: rows of `dimension` numbers, padded to a cache line. Values are those of the metric's kernel (metric.h).
// Complexity: O(rows * dimension). Threads: reading from any thread those slots that are not being written; grow and
// write from one thread at a time. Errors: grow is false when memory is short. Lifetime: rows never move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/growing_block.h"
#include "core/index/index_params.h"
#include "core/kernels/kernels.h"
#include "core/kernels/metric.h"

namespace semroute::core {

class FullRows {
 public:
  // Precondition: rerank is f32 or f16.
  [[nodiscard]] static std::optional<FullRows> reserve(Metric metric, std::size_t dimension, Rerank kind,
                                                       std::size_t most_rows, const Kernels& kernels);

  [[nodiscard]] bool grow(std::size_t rows) { return block_.grow(rows * row_bytes()); }
  void write(std::uint32_t slot, const float* vector);
  void read(std::uint32_t slot, float* vector) const;

  // The vector of a slot where it lies; null for half floats.
  [[nodiscard]] const float* f32_row(std::size_t slot) const noexcept { return half_ ? nullptr : row(slot); }

  // values[i] of the query and slot first + i, or slots[i].
  void scan(const float* query, std::uint32_t first, std::size_t count, float* values) const {
    if (half_)
      f16_.rows(query, half_row(first), stride_, count, dimension_, values);
    else
      f32_.rows(query, row(first), stride_, count, dimension_, values);
  }
  void gather(const float* query, const std::uint32_t* slots, std::size_t count, float* values) const {
    if (half_)
      f16_.gather(query, half_row(0), stride_, slots, count, dimension_, values);
    else
      f32_.gather(query, row(0), stride_, slots, count, dimension_, values);
  }

  // Where slot 0 begins; slot i does i * row_bytes() further.
  [[nodiscard]] const std::byte* base() const noexcept { return block_.as<std::byte>(); }
  [[nodiscard]] std::size_t row_bytes() const noexcept {
    return stride_ * (half_ ? sizeof(std::uint16_t) : sizeof(float));
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return block_.bytes(); }

 private:
  FullRows() = default;
  [[nodiscard]] float* row(std::size_t slot) const noexcept { return block_.as<float>() + slot * stride_; }
  [[nodiscard]] std::uint16_t* half_row(std::size_t slot) const noexcept {
    return block_.as<std::uint16_t>() + slot * stride_;
  }

  GrowingBlock block_;
  std::size_t dimension_ = 0;
  std::size_t stride_ = 0;  // numbers from one row to the next
  bool half_ = false;
  F32Kernel f32_{};
  F16Kernel f16_{};
  const Kernels* kernels_ = nullptr;
};

}  // namespace semroute::core
