// Every call to the operating system fails once, in every way, until no call is left.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/core/store/random_store.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core::test {
namespace {

// A life of a store: made, written, snapshots, closed, opened again. Goes on as far as the fault lets it.
void live(MemoryDisk& disk, Expected& expected) {
  StoreParams params = small_params();
  params.segment_bytes = 4'000;
  std::mt19937 random(5);
  for (int round = 0; round < 3; ++round) {
    auto store = open(disk, params);
    if (!store) {
      EXPECT_FALSE(store.error().message.empty());
      continue;
    }
    for (int step = 0; step < 8; ++step) {
      const bool writable = (*store)->read_only_reason().empty();
      const auto state = commit_random(**store, expected, random);
      if (!writable) {
        EXPECT_EQ(state, CommitOutcome::State::refused);
      }
      // What is unknown is not there until a restart says so; nothing else can be committed.
      if (state == CommitOutcome::State::unknown) {
        EXPECT_FALSE((*store)->read_only_reason().empty());
      }
      if (step % 4 == 3) (void)(*store)->write_snapshot();
    }
    store->reset();
    auto again = open(disk, params);
    if (!again) continue;
    disk.pause(true);
    expected.check(**again, "round " + std::to_string(round) + ": ");
    disk.pause(false);
  }
}

struct Way {
  const char* name;
  int problem;
};
constexpr Way kWays[]{{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"short", 0}, {"EINTR", EINTR}};

TEST(StoreCallFaults, Fault56Fault57EveryCallFailsOnceInEveryWay) {
  for (const Way& way : kWays) {
    std::uint64_t struck = 0;
    for (std::uint64_t call = 1;; ++call) {
      const std::string about = std::string(way.name) + " at call " + std::to_string(call) + ": ";
      MemoryDisk disk;
      Expected expected;
      disk.plan(Fault{call, way.problem});
      live(disk, expected);
      const bool last = !disk.struck();
      disk.plan(std::nullopt);
      disk.crash();
      auto store = open(disk);
      ASSERT_TRUE(store.ok()) << about << store.error().message;
      expected.check(**store, about);
      ASSERT_FALSE(HasFailure()) << about;
      // And once more after a power cut: what was recovered was synced.
      std::mt19937 random(static_cast<unsigned>(call));
      disk.power_cut(random);
      store->reset();
      store = open(disk);
      ASSERT_TRUE(store.ok()) << about << store.error().message;
      expected.check(**store, about + "after a power cut, ");
      ASSERT_TRUE(names_starting_with(disk, "log_00000001.new").empty()) << about;
      if (HasFailure()) return;
      if (last) break;
      ++struck;
    }
    EXPECT_GT(struck, 100U) << way.name;
  }
}

// The program or the machine ends at a call: before it, or with half of what it was to write.
void end_at_every_call(bool power, unsigned seeds) {
  for (unsigned seed = 0; seed < seeds; ++seed) {
    for (std::uint64_t call = 1;; ++call) {
      const std::string about = "seed " + std::to_string(seed) + ", call " + std::to_string(call) + ": ";
      MemoryDisk disk;
      Expected expected;
      disk.plan(Fault{call, seed % 2 == 0 ? EIO : 0, true});
      live(disk, expected);
      const bool last = !disk.struck();
      disk.plan(std::nullopt);
      disk.crash();
      std::mt19937 random(seed);
      if (power) disk.power_cut(random);
      const auto store = open(disk);
      ASSERT_TRUE(store.ok()) << about << store.error().message;
      expected.check(**store, about);
      if (testing::Test::HasFailure()) return;
      if (last) break;
    }
  }
}

TEST(StoreCallFaults, Fault50AKillAtEveryCallLosesNothingThatWasAcknowledged) { end_at_every_call(false, 2); }

TEST(StoreCallFaults, Fault51APowerCutAtEveryCallLosesNothingThatWasAcknowledged) {
  end_at_every_call(true, semroute::test::runs_slowly() ? 4 : 20);
}

// An interrupted call and a short one are nothing that anybody sees.
TEST(StoreCallFaults, InterruptedAndShortCallsAreMadeUpFor) {
  for (const Way& way : {Way{"short", 0}, Way{"EINTR", EINTR}}) {
    for (std::uint64_t call = 1;; ++call) {
      MemoryDisk disk;
      disk.plan(Fault{call, way.problem});
      const auto store = open(disk);
      ASSERT_TRUE(store.ok()) << way.name << call << store.error().message;
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(commit(**store, {set("a", std::string(100, 'x'))}).ok()) << way.name;
      ASSERT_TRUE((*store)->write_snapshot().ok()) << way.name << call;
      ASSERT_EQ(contents(**store).size(), 1U);
      if (disk.calls() < call) break;
    }
  }
}

TEST(StoreCallFaults, ARecordThatCannotBeReadIsAnErrorAndNoRecord) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(commit(*store, {set("a", "1"), set("b", "2")}).ok());
  disk.plan(Fault{2, EIO});
  int seen = 0;
  const auto read = store->read_all([&](std::string_view, const auto&) {
    ++seen;
    return Result<void>{};
  });
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::io_error);
  EXPECT_EQ(seen, 1);
  disk.plan(std::nullopt);
  // Nor is one whose bytes have changed since.
  std::string log = disk.content(path_of("log_00000001"));
  log[log.size() - 20] = static_cast<char>(log[log.size() - 20] ^ 1);
  disk.spoil(path_of("log_00000001"), log);
  const auto spoiled = store->read_all([](std::string_view, const auto&) { return Result<void>{}; });
  ASSERT_FALSE(spoiled.ok());
  EXPECT_EQ(spoiled.error().code, ErrorCode::damaged);
  EXPECT_EQ(store->write_snapshot().error().code, ErrorCode::damaged);
  EXPECT_TRUE(names_starting_with(disk, "snapshot").empty());
}

// Two calls fail, the second in what is done about the first.
TEST(StoreCallFaults, Fault56AWriteThatCannotBeCutBackEndsTheWriting) {
  MemoryDisk disk;
  const StorePtr store = opened(disk);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(commit(*store, {set("a", "1")}).ok());
  const std::string before = disk.content(path_of("log_00000001"));
  disk.limit_bytes(disk.all_bytes() + 70);  // a part of the group
  disk.plan(Fault{3, EIO});                 // the cut, after a short write and one without room
  const auto outcome = commit(*store, {set("b", std::string(500, 'b'))});
  EXPECT_TRUE(disk.struck());
  EXPECT_EQ(outcome.state, CommitOutcome::State::refused);
  EXPECT_NE(store->read_only_reason(), "");
  disk.limit_bytes(std::nullopt);
  EXPECT_EQ(commit(*store, {set("c", "3")}).state, CommitOutcome::State::refused);
  EXPECT_EQ(contents(*store), (Model{{"a", {"1"}}}));
  disk.crash();
  const StorePtr again = opened(disk);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(contents(*again), (Model{{"a", {"1"}}}));
  EXPECT_TRUE(again->recovery().torn_tail);
  EXPECT_EQ(disk.content(path_of("log_00000001")), before);
}

}  // namespace
}  // namespace semroute::core::test
