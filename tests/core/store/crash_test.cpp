// A program that commits is killed, again and again, at random moments and at named points; what it acknowledged is
// there each time, and nothing by halves.
//   SEMROUTE_CRASH_CYCLES=20000   as many cycles (default 200)
//   SEMROUTE_CRASH_AT="rename after 2"   this point in every cycle (crash_calls.h)
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>

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
  std::uint64_t before_strike = 0;  // what had arrived when the strike began
  int status = 0;
};

// Reads what is acknowledged until the program has ended; strikes after `delay`, if any.
Ended watch(pid_t child, int acknowledgements, std::optional<std::chrono::microseconds> delay,
            const std::function<void()>& strike) {
  Ended ended;
  const auto deadline = std::chrono::steady_clock::now() + delay.value_or(std::chrono::hours(1));
  bool killed = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{acknowledgements, POLLIN, 0};
    if (left.count() <= 0 && !killed && ::poll(&readable, 1, 0) == 0) {
      ended.before_strike = ended.acknowledged;
      strike();
      killed = true;
    }
    const auto nanoseconds = killed ? 60'000'000'000 : std::max<std::int64_t>(left.count(), 0);
    const timespec wait{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    if (::ppoll(&readable, 1, &wait, nullptr) <= 0) continue;
    std::uint64_t sequence = 0;
    if (::read(acknowledgements, &sequence, sizeof sequence) != sizeof sequence) break;  // all of it was read
    ended.acknowledged = sequence;
  }
  ::waitpid(child, &ended.status, 0);
  return ended;
}

std::filesystem::path memory_or_disk() {
  return ::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
}

class Harness {
 public:
  explicit Harness(std::string folder) : folder_(std::move(folder)) {}

  // A life that ends at the point, or by SIGKILL after the delay, or of itself; and what it left.
  void cycle(std::optional<CrashPoint> point, std::optional<std::chrono::microseconds> delay, bool read_only) {
    const Ended ended = run(std::move(point), delay, [](pid_t child) { ::kill(child, SIGKILL); });
    const bool was_killed = WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL;
    ASSERT_TRUE(was_killed || (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0)) << ended.status;
    killed += was_killed ? 1 : 0;
    compare(ended.acknowledged, ended.acknowledged, read_only);
  }

  Ended run(std::optional<CrashPoint> point, std::optional<std::chrono::microseconds> delay,
            const std::function<void(pid_t)>& strike) {
    std::array<int, 2> pipe{-1, -1};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      live(params_in(folder_), model_, known, pipe[1], std::move(point), delay ? kCommitsUntilKilled : kCommits);
    }
    EXPECT_GT(child, 0);
    ::close(pipe[1]);
    Ended ended = watch(child, pipe[0], delay, [&] { strike(child); });
    ::close(pipe[0]);
    ended.acknowledged = std::max(ended.acknowledged, known);
    ended.before_strike = std::max(ended.before_strike, known);
    return ended;
  }

  // `promised` is there, and at most one group more than was `told` of.
  void compare(std::uint64_t promised, std::uint64_t told, bool read_only) {
    StoreParams params = params_in(folder_);
    // The program may have been killed before it made anything.
    params.read_only = read_only && promised > 0;
    params.automatic_snapshots = false;
    const auto store = Store::open(params);
    ASSERT_TRUE(store.ok()) << store.error().message;
    const std::uint64_t last = (*store)->last_sequence();
    if (last < promised) ++lost;
    ASSERT_GE(last, promised) << "acknowledged and lost";
    ASSERT_LE(last, told + kMostBatches);
    for (; known < last; ++known) apply_to_model(batch_number(known + 1, model_), model_);
    const bool whole = contents(**store) == model_;
    if (!whole) ++half;
    ASSERT_TRUE(whole) << "half applied at " << last;
  }

  void print(std::uint64_t cycles) const {
    std::printf("%llu cycles, %llu ended by force, %llu batches; acknowledged and lost: %llu; half applied: %llu\n",
                static_cast<unsigned long long>(cycles), static_cast<unsigned long long>(killed),
                static_cast<unsigned long long>(known), static_cast<unsigned long long>(lost),
                static_cast<unsigned long long>(half));
  }

  std::uint64_t known = 0;  // batches that are there for certain
  std::uint64_t lost = 0;
  std::uint64_t half = 0;
  std::uint64_t killed = 0;

 private:
  std::string folder_;
  Model model_;  // after `known` batches
};

TEST(StoreCrash, Fault50KilledAtRandomMomentsAndNamedPointsNothingAcknowledgedIsLost) {
  const char* const given = std::getenv("SEMROUTE_CRASH_AT");
  const auto always = given != nullptr ? parse_crash_point(given) : std::nullopt;
  ASSERT_TRUE(given == nullptr || always) << "SEMROUTE_CRASH_AT is no point: " << given;
  std::mt19937 random(static_cast<unsigned>(cycles()));
  std::uint64_t at_random_moments = 0;
  const RealFolder folder(memory_or_disk());
  Harness harness(folder.path());
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
  harness.print(cycles());
  EXPECT_GE(harness.killed, at_random_moments);
  EXPECT_EQ(harness.lost, 0U);
  EXPECT_EQ(harness.half, 0U);
}

// Each point is one that is reached: the program ends there.
TEST(StoreCrash, EveryNamedPointIsReached) {
  for (const std::string& where : crash_places()) {
    const RealFolder folder(memory_or_disk());
    Harness harness(folder.path());
    // Something to cut first.
    if (where == "cut") harness.cycle(CrashPoint{"append", "half", 5}, std::nullopt, true);
    for (int life = 0; life < 3 && harness.killed < (where == "cut" ? 2U : 1U); ++life)
      harness.cycle(CrashPoint{where, "after", 1}, std::nullopt, true);
    EXPECT_EQ(harness.killed, where == "cut" ? 2U : 1U) << where;
  }
}

// A file system of its own in a file, in a mount namespace of its own: nothing of it outlives this program.
class MountedExt4 {
 public:
  MountedExt4() {
    // An emulator does not know the call that shuts down.
    made_ = std::getenv("SEMROUTE_TEST_EMULATOR") == nullptr && ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
            done("mount --make-rprivate /") && done("truncate -s 64M " + image_) && done("mkfs.ext4 -q -F " + image_) &&
            done("mkdir " + path_) && mount();
  }
  MountedExt4(const MountedExt4&) = delete;
  MountedExt4& operator=(const MountedExt4&) = delete;
  ~MountedExt4() {
    if (made_) (void)unmount();
  }
  [[nodiscard]] bool made() const noexcept { return made_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool mount() const { return done("mount -o loop " + image_ + " " + path_); }
  [[nodiscard]] bool unmount() const { return done("umount " + path_); }
  // As when the power goes: nothing more reaches the disk, not even the journal's last words.
  [[nodiscard]] bool shut_down() const {
    constexpr unsigned long kShutDown = 0x8004587D;  // EXT4_IOC_SHUTDOWN, of fs/ext4/ext4.h
    const unsigned without_journal = 2;
    const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int result = ::ioctl(folder, kShutDown, &without_journal);
    ::close(folder);
    return result == 0;
  }

 private:
  static bool done(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT(bugprone-command-processor)
  }
  RealFolder folder_;
  std::string image_ = folder_.path() + "/image";
  std::string path_ = folder_.path() + "/mounted";
  bool made_ = false;
};

TEST(StoreCrash, Fault51AFileSystemThatIsShutDownLosesNothingThatWasAcknowledged) {
  const MountedExt4 disk;
  if (!disk.made()) GTEST_SKIP() << "no ext4 can be mounted here, which takes root and a loop device";
  std::mt19937 random(51);
  Harness harness(disk.path() + "/store");
  const std::uint64_t lives = std::max<std::uint64_t>(cycles() / 10, 5);
  for (std::uint64_t life = 0; life < lives; ++life) {
    const Ended ended = harness.run(std::nullopt, std::chrono::microseconds(random() % 60'000), [&](pid_t child) {
      if (disk.shut_down()) return;
      ADD_FAILURE() << "the file system cannot be shut down";
      ::kill(child, SIGKILL);
    });
    // It ends at the first thing that fails.
    ASSERT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) >= 3) << ended.status;
    ++harness.killed;
    ASSERT_TRUE(disk.unmount() && disk.mount()) << life;
    // While it shuts down, ext4 may call an fdatasync a success that is none; whoever loses power hears of no such one.
    harness.compare(ended.before_strike, ended.acknowledged, random() % 2 == 0);
    ASSERT_FALSE(HasFatalFailure()) << "life " << life;
  }
  harness.print(lives);
}

}  // namespace
}  // namespace semroute::core::test
