// HugeBlock: bytes for rows that a benchmark reads at random, on huge pages where the system gives them, so
// that what is measured is memory and not the walk of page tables. Bytes hold a pattern that is a normal number
// both as 32-bit and as half floats. Threads: none shared.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <random>

namespace semroute::bench {

class HugeBlock {
 public:
  explicit HugeBlock(std::size_t bytes) : bytes_((bytes + kPage - 1) / kPage * kPage) {
    void* const memory = ::mmap(nullptr, bytes_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    mapped_ = memory;
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(memory);
    data_ = static_cast<std::byte*>(memory) + (kPage - address % kPage) % kPage;
    static_cast<void>(::madvise(data_, bytes_, MADV_HUGEPAGE));
    std::mt19937 random(5);
    for (std::size_t i = 0; i < bytes_ / sizeof(std::uint16_t); ++i)
      reinterpret_cast<std::uint16_t*>(data_)[i] = static_cast<std::uint16_t>(0x3800U + (random() & 0x3FFU));
  }
  ~HugeBlock() {
    if (mapped_ != nullptr) ::munmap(mapped_, bytes_ + kPage);
  }
  HugeBlock(const HugeBlock&) = delete;
  HugeBlock& operator=(const HugeBlock&) = delete;

  // nullptr when there was no memory.
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kPage = 2U << 20;
  std::size_t bytes_;
  void* mapped_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace semroute::bench
