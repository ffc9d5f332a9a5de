#include "core/store/store.h"

#include <gtest/gtest.h>

#include "tests/core/store/stores.h"

namespace semroute::core::test {
namespace {

TEST(Store, WhatWasCommittedIsThereAfterAClose) {
  MemoryDisk disk;
  Model model;
  const std::vector<Changes> batches{{set("b", "one"), set("a", "")},
                                     {append("b", "two"), append("a", std::string(5'000, 'x'))},
                                     {erase("a"), set("c", "three"), set("c", "four")},
                                     {},
                                     {append("c", "five"), erase("nobody")}};
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->last_sequence(), 0U);
    for (const Changes& batch : batches) {
      const auto outcome = commit(*store, batch);
      ASSERT_TRUE(outcome.ok()) << outcome.error.message;
      apply_to_model(batch, model);
      EXPECT_EQ(contents(*store), model);
    }
    EXPECT_EQ(store->last_sequence(), 5U);
  }
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(contents(*store), model);
  EXPECT_EQ(store->last_sequence(), 5U);
  EXPECT_EQ(store->recovery().key_count, 2U);
  EXPECT_EQ(store->recovery().record_count, 4U);
  EXPECT_FALSE(store->recovery().torn_tail);
}

TEST(Store, AGroupIsOneWriteAndOneSync) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  disk.plan(std::nullopt);
  ASSERT_TRUE(commit_group(*store, std::vector<Changes>(64, {set("key", "value")})).ok());
  EXPECT_EQ(disk.calls(), 2U);
  EXPECT_EQ(store->last_sequence(), 64U);
}

TEST(Store, ChangesThatMakeNoSenseAreRefusedAsAWhole) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(commit(*store, {set("here", "1")}).ok());
  const std::vector<std::pair<Changes, ErrorCode>> cases{
      {{set("new", "1"), append("absent", "2")}, ErrorCode::bad_request},
      {{erase("here"), append("here", "2")}, ErrorCode::bad_request},
      {{set("", "1")}, ErrorCode::bad_request},
      {{set(std::string(kMaxStoreKeyBytes + 1, 'k'), "1")}, ErrorCode::bad_request},
      {{{RecordKind::erase, "here", "with a value"}}, ErrorCode::bad_request}};
  for (const auto& [changes, code] : cases) {
    const auto outcome = commit(*store, changes);
    EXPECT_EQ(outcome.state, CommitOutcome::State::refused);
    EXPECT_EQ(outcome.error.code, code) << outcome.error.message;
  }
  const StoreBatch before{1, {}};
  EXPECT_EQ(store->commit({&before, 1}).error.code, ErrorCode::internal);
  EXPECT_EQ(contents(*store), (Model{{"here", {"1"}}}));
  EXPECT_TRUE(commit(*store, {set(std::string(kMaxStoreKeyBytes, 'k'), "1"), set("a", ""), append("a", "")}).ok());
}

TEST(Store, ASnapshotHoldsTheSameAndTheLogGoesOn) {
  MemoryDisk disk;
  Model model;
  StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  for (int round = 0; round < 5; ++round) {
    const Changes batch{set("key" + std::to_string(round), "a"), set("all", "0"), append("all", std::to_string(round))};
    ASSERT_TRUE(commit(*store, batch).ok());
    apply_to_model(batch, model);
    const auto written = store->write_snapshot();
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_EQ(contents(*store), model);
    const Changes more{append("all", "after")};
    ASSERT_TRUE(commit(*store, more).ok());
    apply_to_model(more, model);
    store.reset();
    store = opened(disk);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(contents(*store), model);
    EXPECT_EQ(store->recovery().snapshot, "snapshot_0000000" + std::to_string(round + 2));
  }
  // The newest two snapshots, and the log since the older one.
  EXPECT_EQ(names_starting_with(disk, "snapshot"),
            (std::vector<std::string>{"snapshot_00000005", "snapshot_00000006"}));
  EXPECT_EQ(names_starting_with(disk, "log"), (std::vector<std::string>{"log_00000005", "log_00000006"}));
}

TEST(Store, NothingNewNeedsNoSnapshot) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->write_snapshot().ok());
  EXPECT_TRUE(names_starting_with(disk, "snapshot").empty());
  ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  ASSERT_TRUE(store->write_snapshot().ok());
  ASSERT_TRUE(store->write_snapshot().ok());
  EXPECT_EQ(names_starting_with(disk, "snapshot").size(), 1U);
}

}  // namespace
}  // namespace semroute::core::test
