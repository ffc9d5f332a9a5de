// IdSet: a set of reference ids as bits over one span of ids, for searches that may return only some.
//
// Ids outside [first, first + size) are not in it, and cannot be added.
// Complexity: contains O(1); add O(ids); count O(1). Memory: size / 8 bytes.
// Threads: a plain value; const members from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/index/reference_id.h"

namespace semroute::core {

class IdSet {
 public:
  IdSet() = default;
  explicit IdSet(IdRange span) : span_(span), words_((span.count + 63) / 64) {}

  // Precondition: the ids lie in span().
  void add(IdRange ids);
  void add(ReferenceId id) { add(IdRange{id, 1}); }

  [[nodiscard]] bool contains(ReferenceId id) const noexcept {
    const ReferenceId at = id - span_.first;  // wraps below the span, and is then too large
    return at < span_.count && (words_[at / 64] >> (at % 64) & 1U) != 0;
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] IdRange span() const noexcept { return span_; }

  // Calls visit(ReferenceId) for every id of the set, ascending.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::uint64_t word = words_[w]; word != 0; word &= word - 1)
        visit(span_.first + w * 64 + static_cast<unsigned>(__builtin_ctzll(word)));
  }

 private:
  IdRange span_;
  std::vector<std::uint64_t> words_;
  std::size_t count_ = 0;
};

}  // namespace semroute::core
