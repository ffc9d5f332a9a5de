#include "core/base/float_block.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace semroute::core {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
// Far beyond any machine, and low enough that rounding up cannot wrap.
constexpr std::size_t kMaxBlockBytes = PTRDIFF_MAX / 2;

}  // namespace

void FloatBlock::Free::operator()(float* data) const noexcept { std::free(data); }

std::optional<FloatBlock> FloatBlock::allocate(std::size_t rows, std::size_t stride) {
  FloatBlock block;
  if (rows == 0 || stride == 0) return block;
  if (rows > kMaxBlockBytes / sizeof(float) / stride) return std::nullopt;
  const std::size_t wanted_bytes = rows * stride * sizeof(float);
  const bool huge = wanted_bytes >= kHugePageBytes;
  const std::size_t alignment = huge ? kHugePageBytes : kCacheLineBytes;
  block.bytes_ = (wanted_bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, block.bytes_);
  if (memory == nullptr) return std::nullopt;
  // Advice only: without huge pages the block works as well, slower.
  if (huge) static_cast<void>(::madvise(memory, block.bytes_, MADV_HUGEPAGE));
  std::memset(memory, 0, block.bytes_);
  block.data_.reset(static_cast<float*>(memory));
  return block;
}

}  // namespace semroute::core
