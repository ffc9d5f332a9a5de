// IdSet: a set of reference ids as bits over one span of ids, for searches that may return only some.
//
// Ids outside [first, first + size) are not in it, and cannot be added.
// Complexity: contains O(1); add O(ids); count O(1). Memory: size / 8 bytes.
// Threads: a plain value; const members from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "core/index/reference_id.h"

namespace semroute::core {

class IdSet {
 public:
  IdSet() = default;
  explicit IdSet(IdRange span) : span_(span), words_((span.count + 63) / 64) {}

  // An empty set over another span, in the memory that there is where it suffices.
  void reset(IdRange span) {
    span_ = span;
    words_.assign((span.count + 63) / 64, 0);
    count_ = 0;
  }

  // Precondition: the ids lie in span().
  void add(IdRange ids);
  void add(ReferenceId id) { add(IdRange{id, 1}); }

  [[nodiscard]] bool contains(ReferenceId id) const noexcept {
    const ReferenceId at = id - span_.first;  // wraps below the span, and is then too large
    return at < span_.count && (words_[at / 64] >> (at % 64) & 1U) != 0;
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] IdRange span() const noexcept { return span_; }

  // Over the ids of the set, ascending; a set that changes ends it.
  class Iterator {
   public:
    Iterator(const std::uint64_t* word, const std::uint64_t* end, ReferenceId first) noexcept
        : word_(word), end_(end), first_(first), bits_(word == end ? 0 : *word) {
      skip_empty();
    }
    [[nodiscard]] ReferenceId operator*() const noexcept {
      return first_ + static_cast<unsigned>(__builtin_ctzll(bits_));
    }
    Iterator& operator++() noexcept {
      bits_ &= bits_ - 1;
      skip_empty();
      return *this;
    }
    [[nodiscard]] bool operator==(std::default_sentinel_t /*end*/) const noexcept { return word_ == end_; }

   private:
    void skip_empty() noexcept {
      while (bits_ == 0 && word_ != end_) {
        first_ += 64;
        if (++word_ != end_) bits_ = *word_;
      }
    }
    const std::uint64_t* word_;
    const std::uint64_t* end_;
    ReferenceId first_;   // of the word
    std::uint64_t bits_;  // of the word, still to come
  };
  [[nodiscard]] Iterator begin() const noexcept { return {words_.data(), words_.data() + words_.size(), span_.first}; }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  IdRange span_;
  std::vector<std::uint64_t> words_;
  std::size_t count_ = 0;
};

}  // namespace semroute::core
