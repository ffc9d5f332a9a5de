// SearchScratch: the memory that one search works in, kept from search to search so that none allocates.
//
// Threads: one search at a time. bytes() from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/index/reference_id.h"

namespace semroute::core {

// Slots seen in a walk: one bit each. Clearing costs as much as was marked, whatever the size.
class VisitedSet {
 public:
  void make_room(std::size_t slots) {
    if (words_.size() * 64 < slots) words_.resize((slots + slots / 8) / 64 + 1);
  }
  // True the first time. Inlined by force: a walk spends much of its time here.
  [[gnu::always_inline]] bool mark(std::uint32_t slot) {
    if (slot / 64 >= words_.size()) [[unlikely]]
      make_room(slot + std::size_t{1});  // a slot that was filled since
    std::uint64_t& word = words_[slot / 64];
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if ((word & bit) != 0) return false;
    if (word == 0) touched_.push_back(slot / 64);
    word |= bit;
    return true;
  }
  [[nodiscard]] bool has(std::uint32_t slot) const noexcept {
    return slot / 64 < words_.size() && (words_[slot / 64] >> (slot % 64) & 1U) != 0;
  }
  void clear() {
    for (const std::uint32_t word : touched_) words_[word] = 0;
    touched_.clear();
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return words_.capacity() * sizeof(std::uint64_t) + touched_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> touched_;
};

// A slot and how near it is (codec.h: higher is nearer).
struct Candidate {
  float key = 0.0F;
  std::uint32_t slot = 0;
};

// The order of neighbours: equal ones the same way every time.
inline bool nearer(const Candidate& a, const Candidate& b) noexcept {
  return a.key > b.key || (a.key == b.key && a.slot < b.slot);
}

// A link that a neighbour is to get, and on which layer.
struct BackLink {
  Candidate neighbour;
  std::uint32_t layer = 0;
};

// A buffer that starts on a cache line and only grows; what it held is lost when it grows.
class AlignedBytes {
 public:
  std::byte* make_room(std::size_t bytes) {
    if (bytes > size_) {
      size_ = (bytes + 63) / 64 * 64;
      data_.reset(static_cast<std::byte*>(::operator new (size_, std::align_val_t{64})));
    }
    return data_.get();
  }
  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept { ::operator delete (data, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

// What a scan for one query keeps.
struct ScanBuffers {
  AlignedBytes query_code;
  std::vector<Candidate> candidates;
  std::vector<float> floors;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return query_code.bytes() + candidates.capacity() * sizeof(Candidate) + floors.capacity() * sizeof(float);
  }
};

struct SearchScratch {
  static constexpr std::size_t kMostScans = 8;  // queries that one pass over the rows serves

  std::array<ScanBuffers, kMostScans> scans;
  AlignedBytes query_code;
  VisitedSet visited;
  std::vector<Candidate> pool;  // what a walk found
  std::vector<std::uint32_t> slots;
  std::vector<float> keys;
  std::vector<Hit> hits;
  // Building: the new node's vector, another node's vector and code, and what choosing links sorts out.
  std::vector<float> row;
  std::vector<float> other_row;
  AlignedBytes other_code;
  std::vector<Candidate> kept;
  std::vector<Candidate> pruned;
  std::vector<BackLink> back_links;

  // Called at the end of each search, so that others may ask.
  void note_bytes() noexcept {
    std::size_t scan_bytes = 0;
    for (const ScanBuffers& buffers : scans) scan_bytes += buffers.bytes();
    bytes_.store(scan_bytes + query_code.bytes() + other_code.bytes() + visited.bytes() +
                     (row.capacity() + other_row.capacity()) * sizeof(float) +
                     (pool.capacity() + kept.capacity() + pruned.capacity()) * sizeof(Candidate) +
                     back_links.capacity() * sizeof(BackLink) + slots.capacity() * sizeof(std::uint32_t) +
                     keys.capacity() * sizeof(float) + hits.capacity() * sizeof(Hit),
                 std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace semroute::core
