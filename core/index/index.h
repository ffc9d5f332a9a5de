// Index: vectors in, nearest ids out. The one interface that exact and graph indexes share.
//
// Shapes: vectors of dimension() float32; ids are 64-bit and chosen by the caller; a batch of new
// ids is cheapest in ascending order. Vectors and queries are *prepared* (vector_rules.h): unit
// length under cosine, checked by the caller. Scores are those of metric.h, higher is nearer.
// Complexity: stated by each index.
// Threads: const members may run from many threads at once; a member that changes the index needs
// that no other call runs (the daemon builds an index, then publishes it as const).
// Errors: resource_exhausted at capacity(); a broken precondition aborts.
// Lifetime: spans given in are not kept; spans given out live until the next change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/result.h"
#include "core/kernels/metric.h"

namespace semroute::core {

using ReferenceId = std::uint64_t;

// The ids first, first + 1, ..., first + count - 1.
struct IdRange {
  ReferenceId first = 0;
  std::size_t count = 0;
};

struct Hit {
  ReferenceId id = 0;
  float score = 0.0F;
};

class Index {
 public:
  Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  virtual ~Index() = default;

  [[nodiscard]] virtual Metric metric() const noexcept = 0;
  [[nodiscard]] virtual std::size_t dimension() const noexcept = 0;
  [[nodiscard]] virtual std::size_t count() const noexcept = 0;
  [[nodiscard]] virtual std::size_t capacity() const noexcept = 0;  // the most ids it takes
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;     // memory held, by its own account

  // Adds `vector` under `id`; an id that is there already gets the new vector.
  [[nodiscard]] virtual Result<void> insert(ReferenceId id, std::span<const float> vector) = 0;

  // False when the id is not there.
  virtual bool remove(ReferenceId id) = 0;

  // Writes the best-scoring min(k, count()) ids, best first, ties by smaller id, and returns how
  // many. Precondition: hits.size() >= min(k, count()). Allocates nothing.
  virtual std::size_t search(std::span<const float> query, std::size_t k, std::span<Hit> hits) const = 0;

  // scores[i] = score of query and id ids.first + i, on the full vectors. Allocates nothing.
  // Precondition: every id is there; scores.size() == ids.count.
  virtual void score(std::span<const float> query, IdRange ids, std::span<float> scores) const = 0;

  // The stored (prepared) vector. Precondition: the id is there.
  [[nodiscard]] virtual std::span<const float> vector(ReferenceId id) const = 0;
};

}  // namespace semroute::core
