// Random batches against a plain map, with closes, crashes and power cuts at random points.
#include <gtest/gtest.h>

#include "tests/core/store/random_store.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core::test {
namespace {

unsigned seeds() { return semroute::test::runs_slowly() ? 40 : 400; }

StoreParams random_params(std::mt19937& random) {
  StoreParams params = small_params();
  params.segment_bytes = random() % 2 == 0 ? 3'000 : kStoreSegmentBytes;
  return params;
}

TEST(StoreRandom, Fault50AModelIsFollowedThroughClosesAndCrashes) {
  for (unsigned seed = 0; seed < seeds(); ++seed) {
    std::mt19937 random(seed);
    MemoryDisk disk;
    const StoreParams params = random_params(random);
    StorePtr store = opened(disk, params);
    Expected expected;
    for (int step = 0; step < 60; ++step) {
      ASSERT_NE(store, nullptr);
      const auto what = random() % 20;
      if (what < 14) {
        ASSERT_EQ(commit_random(*store, expected, random), CommitOutcome::State::committed);
      } else if (what < 16) {
        const auto written = store->write_snapshot();
        ASSERT_TRUE(written.ok()) << written.error().message;
      } else {
        if (what < 18) disk.crash();  // its last words reach no file
        store.reset();
        store = opened(disk, params);
      }
      ASSERT_NE(store, nullptr);
      expected.check(*store, "seed " + std::to_string(seed) + ", step " + std::to_string(step) + ": ");
      if (HasFatalFailure()) return;
    }
  }
}

TEST(StoreRandom, Fault51APowerCutLosesNothingThatWasAcknowledged) {
  for (unsigned seed = 0; seed < seeds(); ++seed) {
    std::mt19937 random(seed);
    MemoryDisk disk;
    const StoreParams params = random_params(random);
    StorePtr store = opened(disk, params);
    Expected expected;
    for (int step = 0; step < 60; ++step) {
      ASSERT_NE(store, nullptr);
      const auto what = random() % 20;
      if (what < 15) {
        ASSERT_EQ(commit_random(*store, expected, random), CommitOutcome::State::committed);
      } else if (what < 17) {
        ASSERT_TRUE(store->write_snapshot().ok());
      } else {
        // In the middle of a commit, so that a part of a group is on its way.
        disk.plan(Fault{1 + random() % 3, EIO});
        if (what < 19) (void)commit_random(*store, expected, random);
        disk.plan(std::nullopt);
        disk.power_cut(random);
        store.reset();
        store = opened(disk, params);
        ASSERT_NE(store, nullptr) << "seed " << seed << ", step " << step;
      }
      expected.check(*store, "seed " + std::to_string(seed) + ", step " + std::to_string(step) + ": ");
      if (HasFatalFailure()) return;
    }
  }
}

// Without a sync for each group a power cut may lose the last ones, whole and from the end on, and nothing else.
TEST(StoreRandom, Fault51WithoutSyncsAPowerCutLosesTheLastGroupsAlone) {
  for (unsigned seed = 0; seed < seeds(); ++seed) {
    std::mt19937 random(seed);
    MemoryDisk disk;
    StoreParams params = random_params(random);
    params.durability = Durability::off;
    StorePtr store = opened(disk, params);
    Expected expected;
    std::size_t synced = 0;
    for (int step = 0; step < 60; ++step) {
      const auto what = random() % 20;
      ASSERT_NE(store, nullptr);
      if (what < 16) {
        ASSERT_EQ(commit_random(*store, expected, random), CommitOutcome::State::committed);
        continue;
      }
      if (what < 17) {
        ASSERT_TRUE(store->write_snapshot().ok());
        synced = expected.batches();
        continue;
      }
      if (what < 18) {  // a close syncs
        store.reset();
        synced = expected.batches();
      }
      disk.power_cut(random);
      store.reset();
      store = opened(disk, params);
      ASSERT_NE(store, nullptr) << "seed " << seed << ", step " << step;
      expected.lower_to(synced);
      expected.check(*store, "seed " + std::to_string(seed) + ", step " + std::to_string(step) + ": ");
      if (HasFatalFailure()) return;
      synced = expected.batches();
    }
  }
}

}  // namespace
}  // namespace semroute::core::test
