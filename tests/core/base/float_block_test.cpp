#include "core/base/float_block.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace semroute::core {
namespace {

std::size_t address(const float* data) { return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(data)); }

TEST(FloatBlock, IsAlignedAndZero) {
  for (const std::size_t rows : {1U, 3U, 100U, 3000U}) {
    const std::optional<FloatBlock> block = FloatBlock::allocate(rows, 400);
    ASSERT_TRUE(block.has_value());
    EXPECT_EQ(address(block->data()) % 64, 0U);
    EXPECT_GE(block->bytes(), rows * 400 * sizeof(float));
    for (std::size_t i = 0; i < rows * 400; ++i) ASSERT_EQ(block->data()[i], 0.0F);
  }
}

TEST(FloatBlock, LargeBlocksCanBeHugePages) {
  const std::optional<FloatBlock> block = FloatBlock::allocate(3000, 400);
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(address(block->data()) % (std::size_t{2} << 20), 0U);
}

TEST(FloatBlock, SizesThatWrapAreRefusedNotWrapped) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  EXPECT_FALSE(FloatBlock::allocate(kMost, 2).has_value());
  EXPECT_FALSE(FloatBlock::allocate(kMost / 4 + 2, 1).has_value());
  EXPECT_FALSE(FloatBlock::allocate(std::size_t{1} << 32, std::size_t{1} << 30).has_value());
}

TEST(FloatBlock, NothingNeedsNoMemory) {
  const std::optional<FloatBlock> block = FloatBlock::allocate(0, 16);
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(block->bytes(), 0U);
}

}  // namespace
}  // namespace semroute::core
