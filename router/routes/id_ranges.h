// IdRanges: the ids of a route's rows in the order of the rows, as few ranges.
//
// A route that came whole has one range; each change may add some. Row r is the r-th id.
// Complexity: id() and without() linear in the ranges. Threads: a plain value.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/index/reference_id.h"

namespace semroute::router {

class IdRanges {
 public:
  IdRanges() = default;
  IdRanges(core::IdRange range) { append(range); }  // NOLINT(google-explicit-constructor): one range is ranges

  // After the others; joined with the last one where it goes on from there.
  void append(core::IdRange range);
  void append(const IdRanges& other);

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::span<const core::IdRange> parts() const noexcept { return parts_; }
  // Precondition: row < count().
  [[nodiscard]] core::ReferenceId id(std::size_t row) const noexcept;

  // Those of the other rows; the ids of `rows` go to `removed`. Precondition: `rows` are ascending, distinct and there.
  [[nodiscard]] IdRanges without(std::span<const std::size_t> rows, IdRanges& removed) const;

  // Every id, in order.
  [[nodiscard]] std::vector<core::ReferenceId> ids() const;

 private:
  std::vector<core::IdRange> parts_;  // none is empty
  std::size_t count_ = 0;
};

}  // namespace semroute::router
