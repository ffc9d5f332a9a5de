#include "core/base/growing_block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#include "core/base/check.h"

namespace semroute::core {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
// A sixteenth more than asked for, and a huge page at most, so that growing row by row makes few calls and wastes
// little.
constexpr std::size_t kSpareShare = 16;

constexpr std::size_t round_up(std::size_t bytes, std::size_t to) noexcept { return (bytes + to - 1) / to * to; }

}  // namespace

GrowingBlock& GrowingBlock::operator=(GrowingBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(reserved_, other.reserved_);
  std::swap(committed_, other.committed_);
  return *this;
}

GrowingBlock::~GrowingBlock() {
  if (data_ != nullptr) ::munmap(data_, reserved_);
}

std::optional<GrowingBlock> GrowingBlock::reserve(std::size_t most_bytes) {
  if (most_bytes > PTRDIFF_MAX / 2) return std::nullopt;
  GrowingBlock block;
  const std::size_t wanted = round_up(std::max<std::size_t>(most_bytes, 1), kHugePageBytes);
  const std::size_t mapped = wanted + kHugePageBytes;
  void* memory = ::mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return std::nullopt;
  // Only the aligned part is kept.
  auto* first = static_cast<std::byte*>(memory);
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t before = round_up(address, kHugePageBytes) - address;
  if (before > 0) ::munmap(first, before);
  if (mapped - before - wanted > 0) ::munmap(first + before + wanted, mapped - before - wanted);
  block.data_ = first + before;
  block.reserved_ = wanted;
  return block;
}

bool GrowingBlock::grow(std::size_t bytes) {
  SEMROUTE_CHECK(bytes <= reserved_);
  if (bytes <= committed_) return true;
  const std::size_t wanted = bytes + std::min(bytes / kSpareShare, kHugePageBytes);
  const std::size_t step = wanted < kHugePageBytes ? kPageBytes : kHugePageBytes;
  const std::size_t target = std::min(round_up(wanted, step), reserved_);
  if (::mprotect(data_ + committed_, target - committed_, PROT_READ | PROT_WRITE) != 0) return false;
  // Advice only: without huge pages the block works as well, slower.
  if (target > kHugePageBytes) {
    const std::size_t from = std::max(committed_ / kHugePageBytes * kHugePageBytes, kHugePageBytes);
    static_cast<void>(::madvise(data_ + from, target - from, MADV_HUGEPAGE));
  }
  committed_ = target;
  return true;
}

}  // namespace semroute::core
