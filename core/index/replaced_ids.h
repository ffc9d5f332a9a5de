// ReplacedIds: which ids got a new vector while a search ran, since such a search may have looked at the new slot too
// early and at the old one too late, and so have missed the id, or have met both.
//
// Threads: announce and complete from one at a time; the others from any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/index/reference_id.h"

namespace semroute::core {

class ReplacedIds {
 public:
  static constexpr std::size_t kRemembered = 256;

  // Before the first of `ids` changes, and after the last has.
  void announce(std::span<const ReferenceId> ids) noexcept {
    std::uint64_t next = announced_.load(std::memory_order_relaxed);
    for (const ReferenceId id : ids) ring_[next++ % kRemembered].store(id, std::memory_order_relaxed);
    announced_.store(next);
  }
  void complete() noexcept { completed_.store(announced_.load(std::memory_order_relaxed)); }

  // For a search: taken before it begins.
  [[nodiscard]] std::uint64_t now() const noexcept { return completed_.load(); }

  // Whether affects(id) for any id that changed since `began`, or there were too many to know.
  template <class Affects>
  [[nodiscard]] bool any_since(std::uint64_t began, Affects&& affects) const {
    const std::uint64_t end = announced_.load();
    if (end - began > kRemembered) return true;
    for (std::uint64_t at = began; at < end; ++at)
      if (affects(ring_[at % kRemembered].load(std::memory_order_relaxed))) return true;
    return announced_.load() - began > kRemembered;  // overwritten while read
  }

 private:
  std::atomic<std::uint64_t> announced_{0};
  std::atomic<std::uint64_t> completed_{0};
  std::array<std::atomic<ReferenceId>, kRemembered> ring_{};
};

}  // namespace semroute::core
