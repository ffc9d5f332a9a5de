// PageBlock: bytes in pages of one kind, touched, so that a benchmark says which pages it read. Huge ones keep the walk
// of page tables out of what is measured. Begins where a huge page does. Threads: none shared.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bench/support/memory.h"

namespace semroute::bench {

enum class Pages { small, huge };

class PageBlock {
 public:
  PageBlock(std::size_t bytes, Pages pages) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
    void* const memory =
        ::mmap(nullptr, bytes_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    mapped_ = memory;
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    data_ = static_cast<std::byte*>(memory) + (kHugePage - address % kHugePage) % kHugePage;
    static_cast<void>(::madvise(data_, bytes_, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
    const std::size_t before = huge_page_bytes();
    std::memset(data_, 1, bytes_);
    const std::size_t after = huge_page_bytes();
    mostly_huge_ = after > before && after - before > bytes_ / 2;
  }
  ~PageBlock() {
    if (mapped_ != nullptr) ::munmap(mapped_, bytes_ + kHugePage);
  }
  PageBlock(const PageBlock&) = delete;
  PageBlock& operator=(const PageBlock&) = delete;

  // nullptr when there was no memory.
  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool mostly_huge() const { return mostly_huge_; }  // the system may refuse huge ones

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  std::size_t bytes_;
  void* mapped_ = nullptr;
  std::byte* data_ = nullptr;
  bool mostly_huge_ = false;
};

}  // namespace semroute::bench
