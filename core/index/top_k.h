// TopK: keeps the best hits of a scan in a span of the caller's; nothing allocates.
//
// Order: higher score first, equal scores by smaller id. Offers may come in any order of ids.
// Complexity: offer O(k) with few hits, O(log k) with many (kSortedHits); finish O(k log k).
// Threads: none shared. Lifetime: the span outlives it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/index/reference_id.h"

namespace semroute::core {

[[nodiscard]] inline bool better(const Hit& a, const Hit& b) noexcept {
  return a.score > b.score || (a.score == b.score && a.id < b.id);
}

class TopK {
 public:
  // Precondition: hits is not empty.
  explicit TopK(std::span<Hit> hits) noexcept : hits_(hits), sorted_(hits.size() <= kSortedHits) {}

  [[nodiscard]] bool full() const noexcept { return count_ == hits_.size(); }
  // Precondition: full().
  [[nodiscard]] const Hit& worst() const noexcept { return sorted_ ? hits_[count_ - 1] : hits_[0]; }

  // True when the hit was taken.
  [[gnu::always_inline]] bool offer(const Hit& hit) noexcept {
    if (full()) {
      if (!better(hit, worst())) return false;
      if (!sorted_) std::pop_heap(hits_.begin(), hits_.end(), better);
      --count_;
    }
    std::size_t place = count_++;
    if (sorted_) {
      for (; place > 0 && better(hit, hits_[place - 1]); --place) hits_[place] = hits_[place - 1];
      hits_[place] = hit;
    } else {
      hits_[place] = hit;
      std::push_heap(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(count_), better);
    }
    return true;
  }

  // Puts the hits in order, best first, and returns how many there are.
  std::size_t finish() noexcept {
    if (!sorted_) std::sort_heap(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(count_), better);
    return count_;
  }

 private:
  // Up to here moving hits in a sorted list takes about half the time of mending a heap, on random scores;
  // with scores that only rise it moves all of them each time, which bounds how far this pays.
  static constexpr std::size_t kSortedHits = 64;

  std::span<Hit> hits_;
  std::size_t count_ = 0;
  bool sorted_;
};

}  // namespace semroute::core
