#include "core/base/growing_block.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

namespace semroute::core {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(GrowingBlock, GrowsInPlaceWithZeros) {
  auto made = GrowingBlock::reserve(64 * kMiB);
  ASSERT_TRUE(made);
  GrowingBlock block = std::move(*made);
  EXPECT_EQ(block.bytes(), 0U);
  ASSERT_TRUE(block.grow(100));
  auto* const numbers = block.as<std::uint64_t>();
  numbers[0] = 42;
  for (const std::size_t bytes : {200UL, 5'000UL, 3 * kMiB, 64 * kMiB}) {
    ASSERT_TRUE(block.grow(bytes));
    ASSERT_EQ(block.as<std::uint64_t>(), numbers);
    EXPECT_GE(block.bytes(), bytes);
    EXPECT_EQ(numbers[bytes / 8 - 1], 0U);
    numbers[bytes / 8 - 1] = 1;
  }
  EXPECT_EQ(numbers[0], 42U);
  EXPECT_EQ(numbers[kMiB / 8], 0U);
  const std::size_t held = block.bytes();
  ASSERT_TRUE(block.grow(10));
  EXPECT_EQ(block.bytes(), held) << "it never shrinks";
}

TEST(GrowingBlock, SmallOnesHoldLittle) {
  auto made = GrowingBlock::reserve(1024 * kMiB);
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->grow(1));
  EXPECT_LE(made->bytes(), 64U * 1024U);
}

TEST(GrowingBlock, IsHandedOnWhole) {
  auto made = GrowingBlock::reserve(kMiB);
  ASSERT_TRUE(made && made->grow(8));
  made->as<std::uint64_t>()[0] = 7;
  GrowingBlock other;
  other = std::move(*made);
  EXPECT_EQ(other.as<std::uint64_t>()[0], 7U);
}

TEST(GrowingBlock, AddressSpaceThatIsNotThereIsNoBlock) {
  EXPECT_FALSE(GrowingBlock::reserve(std::size_t{1} << 62).has_value());
}

}  // namespace
}  // namespace semroute::core
