// A program that commits is killed, again and again, at random moments and at named points; what it acknowledged is
// there each time, and nothing by halves.
//   SEMROUTE_CRASH_CYCLES=20000   as many cycles (default 200)
//   SEMROUTE_CRASH_AT="rename after 2"   this point in every cycle (crash_calls.h)
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "tests/core/store/crash_calls.h"
#include "tests/core/store/random_store.h"
#include "tests/core/store/real_folder.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core::test {
namespace {

constexpr std::uint64_t kMostBatches = 3;  // in a group
constexpr int kCommits = 40;               // of one program's life, if no point ends it
constexpr int kCommitsUntilKilled = 1'000'000;

std::uint64_t cycles() {
  const char* const given = std::getenv("SEMROUTE_CRASH_CYCLES");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return semroute::test::runs_slowly() ? 40 : 200;
}

// The same for the same sequence number and table, here and in the program that is killed.
Changes batch_number(std::uint64_t sequence, const Model& model) {
  std::mt19937 random(static_cast<unsigned>(sequence * 2'654'435'761U));
  return random_batch(model, random);
}

StoreParams params_in(const std::string& folder) {
  StoreParams params = small_params();
  params.folder = folder;
  params.segment_bytes = 8'000;
  params.automatic_snapshots = true;
  params.snapshot_min_log_bytes = 12'000;
  return params;
}

// The life of the program that is killed: opens, goes on from `model`, tells each sequence number that was committed.
[[noreturn]] void live(const StoreParams& params, Model model, std::uint64_t known, int acknowledgements,
                       std::optional<CrashPoint> point, int commits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  CrashCalls calls(std::move(point));
  auto store = Store::open(params, calls);
  if (!store) ::_exit(3);
  std::uint64_t sequence = (*store)->last_sequence();
  for (std::uint64_t n = known + 1; n <= sequence; ++n) apply_to_model(batch_number(n, model), model);
  for (int i = 0; i < commits; ++i) {
    std::vector<Changes> group;
    const std::uint64_t count = 1 + sequence % kMostBatches;
    for (std::uint64_t n = 1; n <= count; ++n) {
      group.push_back(batch_number(sequence + n, model));
      apply_to_model(group.back(), model);
    }
    if (!commit_group(**store, group).ok()) ::_exit(4);
    sequence += count;
    if (::write(acknowledgements, &sequence, sizeof sequence) != sizeof sequence) ::_exit(5);
    if (i % 10 == 9 && !(*store)->write_snapshot()) ::_exit(6);
  }
  store->reset();
  ::_exit(0);
}

struct Ended {
  std::uint64_t acknowledged = 0;
  int status = 0;
};

// Reads what is acknowledged; kills after `delay`, if any, and waits.
Ended watch(pid_t child, int acknowledgements, std::optional<std::chrono::microseconds> delay) {
  Ended ended;
  const auto deadline = std::chrono::steady_clock::now() + delay.value_or(std::chrono::hours(1));
  bool killed = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 && !killed) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    const timespec wait{killed ? 60 : left.count() / 1'000'000'000, killed ? 0 : left.count() % 1'000'000'000};
    pollfd readable{acknowledgements, POLLIN, 0};
    if (::ppoll(&readable, 1, &wait, nullptr) <= 0) continue;
    std::uint64_t sequence = 0;
    if (::read(acknowledgements, &sequence, sizeof sequence) != sizeof sequence) break;  // all of it was read
    ended.acknowledged = sequence;
  }
  ::waitpid(child, &ended.status, 0);
  return ended;
}

struct Harness {
  RealFolder folder{::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm")
                                                    : std::filesystem::temp_directory_path()};
  Model model;  // after `known` batches
  std::uint64_t known = 0;
  std::uint64_t lost = 0;
  std::uint64_t half = 0;
  std::uint64_t killed = 0;

  void cycle(std::optional<CrashPoint> point, std::optional<std::chrono::microseconds> delay, bool read_only) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    StoreParams params = params_in(folder.path());
    if (child == 0) {
      ::close(pipe[0]);
      live(params, model, known, pipe[1], std::move(point), delay ? kCommitsUntilKilled : kCommits);
    }
    ::close(pipe[1]);
    const Ended ended = watch(child, pipe[0], delay);
    ::close(pipe[0]);
    const bool was_killed = WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL;
    ASSERT_TRUE(was_killed || (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0)) << ended.status;
    killed += was_killed ? 1 : 0;
    compare(params, std::max(ended.acknowledged, known), read_only);
  }

  void compare(StoreParams params, std::uint64_t acknowledged, bool read_only) {
    // The program may have been killed before it made anything.
    params.read_only = read_only && acknowledged > 0;
    params.automatic_snapshots = false;
    const auto store = Store::open(params);
    ASSERT_TRUE(store.ok()) << store.error().message;
    const std::uint64_t last = (*store)->last_sequence();
    if (last < acknowledged) ++lost;
    ASSERT_GE(last, acknowledged) << "acknowledged and lost";
    ASSERT_LE(last, acknowledged + kMostBatches);
    for (; known < last; ++known) apply_to_model(batch_number(known + 1, model), model);
    const bool whole = contents(**store) == model;
    if (!whole) ++half;
    ASSERT_TRUE(whole) << "half applied at " << last;
  }
};

TEST(StoreCrash, Fault50KilledAtRandomMomentsAndNamedPointsNothingAcknowledgedIsLost) {
  const char* const given = std::getenv("SEMROUTE_CRASH_AT");
  const auto always = given != nullptr ? parse_crash_point(given) : std::nullopt;
  ASSERT_TRUE(given == nullptr || always) << "SEMROUTE_CRASH_AT is no point: " << given;
  std::mt19937 random(static_cast<unsigned>(cycles()));
  std::uint64_t at_random_moments = 0;
  Harness harness;
  for (std::uint64_t cycle = 0; cycle < cycles(); ++cycle) {
    std::optional<CrashPoint> point = always;
    std::optional<std::chrono::microseconds> delay;
    if (!always && cycle % 2 == 0) {
      delay = std::chrono::microseconds(random() % 6'000);
      ++at_random_moments;
    } else if (!always) {
      const auto& places = crash_places();
      const char* const when[]{"before", "half", "after"};
      const std::string& where = places[cycle / 2 % places.size()];
      const bool often = where == "append" || where == "sync" || where == "make";
      point = CrashPoint{where, when[random() % 3], 1 + random() % (often ? 30 : 6)};
    }
    harness.cycle(point, delay, random() % 2 == 0);
    ASSERT_FALSE(HasFatalFailure()) << "cycle " << cycle << (point ? ", " + point->where + " " + point->when : "");
  }
  std::printf("%llu cycles, %llu killed, %llu batches; acknowledged and lost: %llu; half applied: %llu\n",
              static_cast<unsigned long long>(cycles()), static_cast<unsigned long long>(harness.killed),
              static_cast<unsigned long long>(harness.known), static_cast<unsigned long long>(harness.lost),
              static_cast<unsigned long long>(harness.half));
  EXPECT_GE(harness.killed, at_random_moments);
  EXPECT_EQ(harness.lost, 0U);
  EXPECT_EQ(harness.half, 0U);
}

// Each point is one that is reached: the program ends there.
TEST(StoreCrash, EveryNamedPointIsReached) {
  for (const std::string& where : crash_places()) {
    Harness harness;
    // Something to cut first.
    if (where == "cut") harness.cycle(CrashPoint{"append", "half", 5}, std::nullopt, true);
    for (int life = 0; life < 3 && harness.killed < (where == "cut" ? 2U : 1U); ++life)
      harness.cycle(CrashPoint{where, "after", 1}, std::nullopt, true);
    EXPECT_EQ(harness.killed, where == "cut" ? 2U : 1U) << where;
  }
}

}  // namespace
}  // namespace semroute::core::test
