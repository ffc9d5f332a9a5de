// SearchScratch: the memory that one search works in, kept from search to search so that none allocates.
//
// Every buffer takes its memory from one resource, which counts it. Threads: one search at a time. bytes() from any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>
#include <vector>

#include "core/index/reference_id.h"

namespace semroute::core {

// The heap, and how much of it is in use.
class CountingMemory final : public std::pmr::memory_resource {
 public:
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const memory = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return memory;
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::atomic<std::size_t> bytes_{0};
};

// Slots seen in a walk: one bit each. Clearing costs as much as was marked, whatever the size.
class VisitedSet {
 public:
  explicit VisitedSet(std::pmr::memory_resource* memory) : words_(memory), touched_(memory) {}

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

 private:
  std::pmr::vector<std::uint64_t> words_;
  std::pmr::vector<std::uint32_t> touched_;
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
  explicit AlignedBytes(std::pmr::memory_resource* memory) noexcept : memory_(memory) {}
  AlignedBytes(AlignedBytes&& from) noexcept
      : memory_(from.memory_), data_(std::exchange(from.data_, nullptr)), size_(std::exchange(from.size_, 0)) {}
  AlignedBytes& operator=(AlignedBytes&&) = delete;
  ~AlignedBytes() { free(); }

  std::byte* make_room(std::size_t bytes) {
    if (bytes > size_) {
      free();
      const std::size_t size = (bytes + kLine - 1) / kLine * kLine;
      data_ = static_cast<std::byte*>(memory_->allocate(size, kLine));
      size_ = size;
    }
    return data_;
  }
  [[nodiscard]] std::byte* data() const noexcept { return data_; }

 private:
  static constexpr std::size_t kLine = 64;

  void free() noexcept {
    if (data_ != nullptr) memory_->deallocate(data_, size_, kLine);
    data_ = nullptr;
    size_ = 0;
  }

  std::pmr::memory_resource* memory_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// What a scan for one query keeps.
struct ScanBuffers {
  explicit ScanBuffers(std::pmr::memory_resource* memory) : query_code(memory), candidates(memory), floors(memory) {}

  AlignedBytes query_code;
  std::pmr::vector<Candidate> candidates;
  std::pmr::vector<float> floors;
};

struct SearchScratch {
  static constexpr std::size_t kMostScans = 8;  // queries that one pass over the rows serves

  [[nodiscard]] std::size_t bytes() const noexcept { return memory.bytes(); }

  CountingMemory memory;
  std::array<ScanBuffers, kMostScans> scans = each_with<ScanBuffers>(std::make_index_sequence<kMostScans>());
  AlignedBytes query_code{&memory};
  VisitedSet visited{&memory};
  std::pmr::vector<Candidate> pool{&memory};  // what a walk found
  std::pmr::vector<std::uint32_t> slots{&memory};
  std::pmr::vector<float> keys{&memory};
  // Building: the new node's vector, another node's vector and code, and what choosing links sorts out.
  std::pmr::vector<float> row{&memory};
  std::pmr::vector<float> other_row{&memory};
  AlignedBytes other_code{&memory};
  std::pmr::vector<Candidate> kept{&memory};
  std::pmr::vector<Candidate> pruned{&memory};
  std::pmr::vector<BackLink> back_links{&memory};

 private:
  template <class Buffers, std::size_t... I>
  std::array<Buffers, sizeof...(I)> each_with(std::index_sequence<I...>) {
    return {((void)I, Buffers(&memory))...};
  }
};

}  // namespace semroute::core
