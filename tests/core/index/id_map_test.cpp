#include "core/index/id_map.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "tests/support/sanitizer.h"

namespace semroute::core {
namespace {

// Against a map of the library, with ids that are dense, wild, and come back after they were erased.
TEST(IdMap, IsAMap) {
  Readers readers;
  IdMap map(readers);
  std::map<ReferenceId, std::uint32_t> expected;
  std::mt19937_64 random(3);
  const auto some_id = [&]() -> ReferenceId {
    return random() % 2 == 0 ? random() % 500 : ~ReferenceId{0} - random() % 500;
  };
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    const ReferenceId id = some_id();
    const auto there = expected.find(id);
    const std::uint32_t before = there == expected.end() ? kNoSlot : there->second;
    ASSERT_EQ(map.find(id), before);
    if (random() % 3 == 0) {
      ASSERT_EQ(map.erase(id), before);
      expected.erase(id);
    } else {
      if (random() % 50 == 0) map.make_room(random() % 100);
      ASSERT_EQ(map.set(id, i), before);
      expected[id] = i;
    }
    ASSERT_EQ(map.count(), expected.size());
  }
  for (const auto& [id, slot] : expected) ASSERT_EQ(map.find(id), slot);
}

TEST(IdMap, SetAndErasedForeverDoesNotGrow) {
  Readers readers;
  IdMap map(readers);
  for (ReferenceId id = 0; id < 1000; ++id) map.set(id, 1);
  std::size_t most = 0;
  for (ReferenceId id = 1000; id < 200'000; ++id) {
    map.set(id, 2);
    ASSERT_EQ(map.erase(id - 1000), id < 2000 ? 1U : 2U);
    most = std::max(most, map.bytes());
  }
  EXPECT_LE(most, 12U * 8192U);
}

// A reader finds every id that is never erased, while others come and go and the table is rebuilt under it.
TEST(IdMap, IsReadWhileItIsChanged) {
  Readers readers;
  IdMap map(readers);
  for (ReferenceId id = 0; id < 100; ++id) map.set(id, static_cast<std::uint32_t>(id));
  std::atomic<bool> stop{false};
  std::size_t lost = 0;
  std::thread reader([&] {
    while (!stop) {
      const auto reading = readers.begin();
      for (ReferenceId id = 0; id < 100; ++id) lost += map.find(id) == id ? 0 : 1;
    }
  });
  for (ReferenceId id = 1000; id < (SEMROUTE_SANITIZED ? 20'000 : 200'000); ++id) {
    map.set(id, 7);
    if (id % 3 != 0) map.erase(id - 1);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(lost, 0U);
}

TEST(IdMap, IsFilledBySeveralThreads) {
  for (const std::size_t threads : {1U, 4U}) {
    Readers readers;
    IdMap map(readers);
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 3; slot < 60'000; slot += 1 + slot % 3) slots.push_back(slot);
    const auto id_of = [](std::uint32_t slot) { return ReferenceId{slot} * 7 + (slot % 2 == 0 ? 1U : 1U << 30U); };
    map.fill(slots, threads, id_of);
    EXPECT_EQ(map.count(), slots.size());
    for (const std::uint32_t slot : slots) ASSERT_EQ(map.find(id_of(slot)), slot);
    EXPECT_EQ(map.find(5), kNoSlot);
    // It goes on as any other, growing when it is full.
    for (std::size_t i = 0; i < slots.size(); i += 2) ASSERT_EQ(map.erase(id_of(slots[i])), slots[i]);
    for (ReferenceId id = 0; id < 50'000; ++id) ASSERT_EQ(map.set(ReferenceId{1} << 40U | id, 9), kNoSlot);
    for (std::size_t i = 0; i < slots.size(); ++i)
      ASSERT_EQ(map.find(id_of(slots[i])), i % 2 == 0 ? kNoSlot : slots[i]);
  }
}

}  // namespace
}  // namespace semroute::core
