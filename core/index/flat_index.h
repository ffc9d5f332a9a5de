// FlatIndex: exact search by scanning every row. Recall 1.0 by construction.
//
// Rows lie in ascending id order in one 64-byte aligned block, padded to a multiple of 16 floats.
// Complexity: search O(count * dimension + count log k); score O(log count + ids * dimension);
// insert amortised O(dimension) for an id above all others, else O(count * dimension), as is remove.
// Memory: count * padded dimension * 4 bytes, and 8 per id.
// Threads, errors, lifetime: index.h.
#pragma once

#include <memory>

#include "core/index/index.h"
#include "core/kernels/kernels.h"

namespace semroute::core {

class FlatIndex final : public Index {
 public:
  // Precondition: 1 <= dimension <= kMaxDimension.
  FlatIndex(Metric metric, std::size_t dimension, std::size_t capacity, const Kernels& kernels = active_kernels());
  ~FlatIndex() override;

  [[nodiscard]] Metric metric() const noexcept override;
  [[nodiscard]] std::size_t dimension() const noexcept override;
  [[nodiscard]] std::size_t count() const noexcept override;
  [[nodiscard]] std::size_t capacity() const noexcept override;
  [[nodiscard]] std::size_t bytes() const noexcept override;

  // Room for `count` rows at once; a hint that avoids moving rows while they are inserted.
  void reserve(std::size_t count);

  [[nodiscard]] Result<void> insert(ReferenceId id, std::span<const float> vector) override;
  bool remove(ReferenceId id) override;
  std::size_t search(std::span<const float> query, std::size_t k, std::span<Hit> hits) const override;
  void score(std::span<const float> query, IdRange ids, std::span<float> scores) const override;
  [[nodiscard]] std::span<const float> vector(ReferenceId id) const override;

 private:
  struct Rows;
  std::unique_ptr<Rows> rows_;
};

}  // namespace semroute::core
