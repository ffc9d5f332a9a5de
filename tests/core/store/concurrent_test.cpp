// A store that is used from several threads, on real files: commits, snapshots, reads and syncs side by side.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "tests/core/store/real_folder.h"
#include "tests/core/store/stores.h"
#include "tests/support/eventually.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core::test {
namespace {

TEST(StoreConcurrent, SnapshotsAndReadsGoOnBesideCommits) {
  const RealFolder folder;
  StoreParams params = small_params();
  params.folder = folder.path();
  params.durability = Durability::interval;
  params.interval = std::chrono::milliseconds(1);
  params.automatic_snapshots = true;
  params.snapshot_min_log_bytes = 20'000;
  params.segment_bytes = 30'000;
  const int rounds = semroute::test::runs_slowly() ? 300 : 2'000;
  Model model;
  {
    auto opened_store = Store::open(params);
    ASSERT_TRUE(opened_store.ok()) << opened_store.error().message;
    Store& store = **opened_store;
    std::atomic<bool> done{false};
    std::thread reader([&] {
      while (!done) {
        // Each batch sets both of a pair to the same: a reader never sees one without the other.
        Model seen;
        const auto read = store.read_all([&](std::string_view key, std::span<const std::span<const std::byte>> chain) {
          seen[std::string(key)] = {text_of(chain.back())};
          return Result<void>{};
        });
        EXPECT_TRUE(read.ok()) << read.error().message;
        for (int pair = 0; pair < 5; ++pair) {
          EXPECT_EQ(seen["left" + std::to_string(pair)], seen["right" + std::to_string(pair)]);
        }
        (void)store.bytes();
      }
    });
    std::thread snapshots([&] {
      while (!done) {
        const auto written = store.write_snapshot();
        EXPECT_TRUE(written.ok()) << written.error().message;
      }
    });
    for (int round = 0; round < rounds; ++round) {
      const std::string pair = std::to_string(round % 5);
      const std::string record = std::to_string(round) + std::string(100, 'r');
      const Changes batch{set("left" + pair, record), set("right" + pair, record)};
      const auto outcome = commit(store, batch);
      ASSERT_TRUE(outcome.ok()) << outcome.error.message;
      apply_to_model(batch, model);
    }
    done = true;
    reader.join();
    snapshots.join();
    EXPECT_EQ(contents(store), model);
    EXPECT_FALSE(store.snapshot_error());
  }
  auto again = Store::open(params);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(contents(**again), model);
  EXPECT_FALSE((*again)->recovery().torn_tail);
}

TEST(StoreConcurrent, TheLogIsReplacedByASnapshotOfItself) {
  MemoryDisk disk;
  StoreParams params = small_params();
  params.automatic_snapshots = true;
  params.snapshot_min_log_bytes = 10'000;
  const StorePtr store = opened(disk, params);
  ASSERT_NE(store, nullptr);
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(commit(*store, {set("a", std::string(1'000, 'x'))}).ok());
  EXPECT_TRUE(semroute::test::eventually([&] { return store->bytes().log < 10'000; }));
  EXPECT_FALSE(store->snapshot_error());
  EXPECT_EQ(contents(*store), (Model{{"a", {std::string(1'000, 'x')}}}));
}

TEST(StoreConcurrent, AnIntervalSyncsWhatWasCommittedAndFault57EndsTheWriting) {
  MemoryDisk disk;
  StoreParams params = small_params();
  params.durability = Durability::interval;
  params.interval = std::chrono::milliseconds(1);
  StorePtr store = opened(disk, params);
  ASSERT_NE(store, nullptr);
  disk.plan(std::nullopt);
  ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  EXPECT_TRUE(semroute::test::eventually([&] { return disk.calls() >= 2; }));  // the write and the sync
  std::mt19937 random(1);
  disk.plan(Fault{2, EIO});
  ASSERT_TRUE(commit(*store, {set("a", "2")}).ok());
  EXPECT_TRUE(semroute::test::eventually([&] { return !store->read_only_reason().empty(); }));
  EXPECT_EQ(commit(*store, {set("a", "3")}).state, CommitOutcome::State::refused);
  disk.plan(std::nullopt);
  disk.power_cut(random);
  store.reset();
  store = opened(disk, params);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(contents(*store), (Model{{"a", {"1"}}}));
}

}  // namespace
}  // namespace semroute::core::test
