// What a store meets outside itself: a full disk, a failed sync, a read-only file system, another program, other files.
#include <gtest/gtest.h>

#include <cerrno>

#include "core/store/file_names.h"
#include "tests/core/store/stores.h"

namespace semroute::core::test {
namespace {

TEST(StoreConditions, Fault56AFullDiskRefusesAWriteAndLaterOnesWork) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  Model model;
  ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  apply_to_model({set("a", "1")}, model);
  const std::string before = disk.content(path_of(log_name(1)));
  for (std::uint64_t room = 0; room < 1'100; room += 50) {
    disk.limit_bytes(disk.all_bytes() + room);
    const auto outcome = commit(*store, {set("b", std::string(1'100, 'b')), erase("a")});
    ASSERT_EQ(outcome.state, CommitOutcome::State::refused) << room;
    EXPECT_EQ(outcome.error.code, ErrorCode::unavailable);
    EXPECT_NE(outcome.error.message.find("No space left on device"), std::string::npos) << outcome.error.message;
    EXPECT_EQ(disk.content(path_of(log_name(1))), before) << room;
    EXPECT_EQ(contents(*store), model);
    // A smaller one finds room.
    if (room >= 200) {
      ASSERT_TRUE(commit(*store, {set("c", std::to_string(room))}).ok());
      apply_to_model({set("c", std::to_string(room))}, model);
      break;
    }
  }
  disk.limit_bytes(std::nullopt);
  ASSERT_TRUE(commit(*store, {set("b", std::string(1'100, 'b'))}).ok());
  apply_to_model({set("b", std::string(1'100, 'b'))}, model);
  EXPECT_EQ(contents(*store), model);
  disk.crash();
  const StorePtr again = opened(disk);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(contents(*again), model);
}

TEST(StoreConditions, Fault56ATornTailIsCutOnAFullDiskToo) {
  MemoryDisk disk;
  (void)opened(disk);
  disk.put(path_of(log_name(1)), disk.content(path_of(log_name(1))) + std::string(300, 'x'));
  disk.limit_bytes(disk.all_bytes());
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->recovery().torn_tail);
  EXPECT_EQ(store->recovery().torn_tail->kept_as, "");
  EXPECT_TRUE(names_starting_with(disk, "kept").empty());
}

TEST(StoreConditions, Fault56ASnapshotWithoutRoomLeavesNothingBehind) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(commit(*store, {set("a", std::string(5'000, 'a'))}).ok());
  disk.limit_bytes(disk.all_bytes() + 1'000);
  for (int i = 0; i < 3; ++i) {
    const auto written = store->write_snapshot();
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().code, ErrorCode::resource_exhausted);
    EXPECT_EQ(names_starting_with(disk, "snapshot").size(), 0U);
    EXPECT_EQ(names_starting_with(disk, "log").size(), 2U);  // the segment that it began serves the next one
  }
  ASSERT_TRUE(commit(*store, {set("b", "1")}).ok());
  disk.limit_bytes(std::nullopt);
  ASSERT_TRUE(store->write_snapshot().ok());
  EXPECT_EQ(contents(*store).size(), 2U);
}

TEST(StoreConditions, Fault57AFailedSyncMakesTheOutcomeUnknownAndTheStoreReadOnly) {
  MemoryDisk disk;
  StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  disk.plan(Fault{2, EIO});
  const auto outcome = commit(*store, {set("a", "2")});
  EXPECT_EQ(outcome.state, CommitOutcome::State::unknown);
  EXPECT_EQ(outcome.error.code, ErrorCode::unavailable);
  EXPECT_NE(outcome.error.message.find("cannot sync"), std::string::npos);
  EXPECT_NE(store->read_only_reason().find("cannot sync"), std::string::npos);
  disk.plan(std::nullopt);
  EXPECT_EQ(contents(*store), (Model{{"a", {"1"}}}));
  const auto later = commit(*store, {set("b", "1")});
  EXPECT_EQ(later.state, CommitOutcome::State::refused);
  EXPECT_NE(later.error.message.find("read-only since: cannot sync"), std::string::npos) << later.error.message;
  EXPECT_FALSE(store->write_snapshot().ok());
  EXPECT_EQ(disk.calls(), 1U) << "no write, no sync, one read";
  store.reset();
  // Memory still has the pages, which the disk does not: what a restart reads from them it must write again.
  store = opened(disk);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(contents(*store), (Model{{"a", {"2"}}}));
  std::mt19937 random(1);
  disk.power_cut(random);
  store.reset();
  store = opened(disk);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(contents(*store), (Model{{"a", {"2"}}}));
}

TEST(StoreConditions, Fault58AReadOnlyFileSystemIsServedIfAskedTo) {
  MemoryDisk disk;
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  }
  // A torn tail, which cannot be cut there.
  const std::string log = disk.content(path_of(log_name(1))) + "torn";
  disk.put(path_of(log_name(1)), log);
  disk.make_read_only(true);
  const auto refused = open(disk);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::cannot_create);
  StoreParams params = small_params();
  params.read_only = true;
  {
    const StorePtr store = opened(disk, params);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(contents(*store), (Model{{"a", {"1"}}}));
    ASSERT_TRUE(store->recovery().torn_tail);
    EXPECT_FALSE(store->recovery().torn_tail->cut);
    const auto outcome = commit(*store, {set("b", "1")});
    EXPECT_EQ(outcome.state, CommitOutcome::State::refused);
    EXPECT_EQ(outcome.error.code, ErrorCode::unavailable);
    EXPECT_FALSE(store->write_snapshot().ok());
    EXPECT_NE(store->read_only_reason(), "");
  }
  EXPECT_EQ(disk.content(path_of(log_name(1))), log);
  MemoryDisk nothing;
  EXPECT_EQ(open(nothing, params).error().code, ErrorCode::not_found);
  nothing.make_read_only(true);
  EXPECT_EQ(open(nothing).error().code, ErrorCode::cannot_create);
}

TEST(StoreConditions, Fault59ASecondStoreOnTheFolderIsRefused) {
  MemoryDisk disk;
  StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  const auto second = open(disk);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_NE(second.error().message.find("/data is in use"), std::string::npos) << second.error().message;
  store.reset();
  EXPECT_TRUE(open(disk).ok());
}

TEST(StoreConditions, Fault60AnotherVersionDimensionOrMetricIsRefusedByName) {
  MemoryDisk disk;
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
    ASSERT_TRUE(store->write_snapshot().ok());
    ASSERT_TRUE(commit(*store, {set("a", "2")}).ok());
  }
  StoreParams params = small_params();
  params.identity = StoreIdentity{5, "cosine"};
  const auto dimension = open(disk, params);
  ASSERT_FALSE(dimension.ok());
  EXPECT_EQ(dimension.error().code, ErrorCode::dimension_mismatch);
  EXPECT_NE(dimension.error().message.find("is for dimension 4, metric cosine, the configuration for dimension 5"),
            std::string::npos)
      << dimension.error().message;
  params.identity = StoreIdentity{4, "dot"};
  const auto metric = open(disk, params);
  ASSERT_FALSE(metric.ok());
  EXPECT_NE(metric.error().message.find("the configuration for dimension 4, metric dot"), std::string::npos);
  params.identity.reset();
  ASSERT_TRUE(open(disk, params).ok());
  for (const std::string& name : {snapshot_name(2), log_name(2)}) {
    const std::string path = path_of(name);
    const std::string old = disk.content(path);
    auto header = header_from<FileHeader>(std::as_bytes(std::span(old)));
    header.version = kStoreVersion + 1;
    header = sealed(header);
    std::string newer = old;
    std::memcpy(newer.data(), &header, sizeof header);
    disk.put(path, newer);
    const auto version = open(disk);
    ASSERT_FALSE(version.ok()) << name;
    EXPECT_EQ(version.error().code, ErrorCode::unsupported_version);
    EXPECT_EQ(version.error().message, path + " has format version 2, this program knows 1");
    disk.put(path, old);
  }
}

TEST(StoreConditions, Fault61LeftoversOfACrashAreRemovedAndOtherFilesAreNot) {
  MemoryDisk disk;
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  }
  disk.put(path_of("snapshot_00000002.new"), "half");
  disk.put(path_of("log_00000002.new"), "");
  const std::vector<std::string> others{"notes.txt", "snapshot_2", "log_000000002", "x.new"};
  for (const std::string& name : others) disk.put(path_of(name), "mine");
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->recovery().removed, (std::vector<std::string>{"log_00000002.new", "snapshot_00000002.new"}));
  EXPECT_EQ(disk.content(path_of("snapshot_00000002.new")), "");
  for (const std::string& name : others) EXPECT_EQ(disk.content(path_of(name)), "mine") << name;
  EXPECT_EQ(contents(*store), (Model{{"a", {"1"}}}));
}

TEST(StoreConditions, KeptTailsAreBounded) {
  MemoryDisk disk;
  for (std::size_t i = 0; i < kMaxKeptTails + 5; ++i) {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(commit(*store, {set("a", std::to_string(i))}).ok());
    disk.crash();
    disk.put(path_of(log_name(1)), disk.content(path_of(log_name(1))) + "torn");
  }
  EXPECT_EQ(names_starting_with(disk, "kept_tail_of_log").size(), kMaxKeptTails);
}

// A table that is replaced ten times is not ten times as large.
TEST(StoreConditions, WhatWasReplacedGivesItsPlaceBack) {
  MemoryDisk disk;
  StoreParams params = small_params();
  params.snapshot_min_log_bytes = 1'000;
  const StorePtr store = opened(disk, params);
  ASSERT_NE(store, nullptr);
  for (int round = 0; round < 10; ++round) {
    for (int key = 0; key < 100; ++key) {
      ASSERT_TRUE(
          commit(*store, {set("key" + std::to_string(key), std::string(1'000, static_cast<char>('a' + round)))}).ok());
      if (store->snapshot_due()) {
        ASSERT_TRUE(store->write_snapshot().ok());
      }
      ASSERT_EQ(store->bytes().on_disk, disk.all_bytes());
      ASSERT_LT(disk.all_bytes(), 4 * std::max<std::uint64_t>(store->bytes().live, 2'000) + 10'000);
    }
  }
  EXPECT_LT(store->bytes().live, 110'000U);
  for (int key = 0; key < 100; ++key) ASSERT_TRUE(commit(*store, {erase("key" + std::to_string(key))}).ok());
  EXPECT_EQ(store->bytes().live, 0U);
}

}  // namespace
}  // namespace semroute::core::test
