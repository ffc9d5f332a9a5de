#include "core/index/readers.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace semroute::core {
namespace {

TEST(Readers, AnEpochHasPassedWhenNobodyIsLeftWhoBeganInIt) {
  const auto readers = std::make_unique<Readers>();
  const Epoch first = readers->end_epoch();
  EXPECT_TRUE(readers->has_passed(first));
  {
    const auto early = readers->begin();
    EXPECT_EQ(early.epoch(), readers->now());
    const Epoch second = readers->end_epoch();
    EXPECT_EQ(second, early.epoch());
    EXPECT_FALSE(readers->has_passed(second));
    EXPECT_TRUE(readers->has_passed(first));
    {
      const auto late = readers->begin();
      EXPECT_EQ(late.epoch(), second + 1);
      EXPECT_EQ(readers->oldest(), early.epoch());
    }
  }
  EXPECT_EQ(readers->oldest(), readers->now());
}

TEST(Readers, EachHasAScratchOfItsOwn) {
  const auto readers = std::make_unique<Readers>();
  const auto one = readers->begin();
  const auto two = readers->begin();
  EXPECT_NE(&one.scratch(), &two.scratch());
}

// More threads than there is room for wait for one another, and all get their turn.
TEST(Readers, AreNotLimitedByTheirRoom) {
  const auto readers = std::make_unique<Readers>();
  std::atomic<std::size_t> turns{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < Readers::kMostReaders + 20; ++i)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 5; ++turn) {
        const auto reading = readers->begin();
        std::this_thread::yield();
        ++turns;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(turns, 5 * (Readers::kMostReaders + 20));
}

}  // namespace
}  // namespace semroute::core
