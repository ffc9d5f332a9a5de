// The real daemon is killed, again and again, at random moments and at named points inside append, sync, rename and
// removal, while two writers change routes over TCP; and its disk loses its power. What was acknowledged is served
// after the next start each time, and nothing by halves.
//   SEMROUTE_CRASH_CYCLES=20000   as many kills, and a twentieth of that in power cuts (default 200)
//   SEMROUTE_CRASH_AT="rename after 2"   this point in every cycle (tests/core/store/crash_calls.h)
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "tests/core/store/crash_calls.h"
#include "tests/integration/loop_disk.h"
#include "tests/integration/route_writer.h"
#include "tests/support/daemon_run.h"
#include "tests/support/places.h"
#include "tests/support/raw_client.h"
#include "tests/support/runs_slowly.h"

namespace semroute::test {
namespace {

using core::test::CrashPoint;
using std::chrono::microseconds;

constexpr int kKilled = 128 + SIGKILL;
constexpr std::size_t kUntilKilled = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kChanges = 40;  // of one writer in one life, if no point ends it

std::uint64_t cycles() {
  const char* const given = std::getenv("SEMROUTE_CRASH_CYCLES");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return runs_slowly() ? 24 : 200;
}

std::string words_of(const CrashPoint& point) {
  return point.where + ' ' + point.when + ' ' + std::to_string(point.count);
}

// A daemon on one data_dir, life after life, and its writers.
class Lives {
 public:
  explicit Lives(const std::string& data_folder) {
    folder_.write("semrouted.yaml", "listen: 127.0.0.1:0\nadmin: off\nworkers: 2\ndata_dir: " + data_folder + R"(/data
index: {dimension: 4, metric: euclidean}
decision: {score_threshold: 0.5}
targets: [{name: canned, kind: static, reply: {answer: 42}}]
routes: [{name: of_file, references: {vectors: [[1, 2, 3, 4]]}}]
)");
  }

  // Ends at the point, or after `kChanges` of each writer. False: it was not reached.
  bool end_at(const CrashPoint& point, std::size_t changes) {
    DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT=" + words_of(point)});
    const bool served = run.wait_until_listening() && check(run, true);
    const bool reached = !served || !write(run.port(), changes, nullptr);
    end(run, reached ? words_of(point) : "killed");
    return reached;
  }

  void kill_while_starting(microseconds delay) {
    DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT="});
    std::this_thread::sleep_for(delay);
    run.signal(SIGKILL);
    end(run, "killed while it starts");
  }

  void kill_while_writing(microseconds delay) {
    DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT="});
    ASSERT_TRUE(run.wait_until_listening() && check(run, false)) << run.log();
    std::thread writing([&] { write(run.port(), kUntilKilled, nullptr); });
    std::this_thread::sleep_for(delay);
    run.signal(SIGKILL);
    writing.join();
    end(run, "killed while it writes");
  }

  // Daemon and disk are without power at once: it is stopped first, so that it tells nobody what it only learns then.
  void cut_power_while_writing(LoopDisk& disk, microseconds delay) {
    DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT="});
    ASSERT_TRUE(run.wait_until_listening() && check(run, false)) << run.log();
    std::thread writing([&] { write(run.port(), kUntilKilled, nullptr); });
    std::this_thread::sleep_for(delay);
    const bool is_cut = run.stop() && disk.cut_power();
    const int problem = errno;
    run.signal(SIGKILL);
    writing.join();
    ASSERT_TRUE(is_cut) << std::strerror(problem);
    end(run, "without power");
    ASSERT_TRUE(disk.restart()) << disk.problem();
  }

  // The daemon goes on without its disk: it takes no changes, and serves what it has.
  void lose_disk_while_writing(LoopDisk& disk, microseconds delay) {
    DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT="});
    ASSERT_TRUE(run.wait_until_listening() && check(run, false)) << run.log();
    bool connected = false;
    std::atomic<bool> disk_gone = false;
    std::thread writing([&] { connected = write(run.port(), kUntilKilled, &disk_gone); });
    std::this_thread::sleep_for(delay);
    disk_gone = true;
    const bool is_cut = disk.cut_power();
    const int problem = errno;
    if (!is_cut) run.signal(SIGKILL);
    writing.join();
    ASSERT_TRUE(is_cut) << std::strerror(problem);
    ASSERT_TRUE(connected) << "without a disk it answers:\n" << run.log();
    const ServedTable table = read_table(run.port());
    for (const RouteWriter& writer : writers_) writer.check_before_restart(table);
    run.signal(SIGKILL);
    end(run, "without its disk");
    ASSERT_TRUE(disk.restart()) << disk.problem();
  }

  // Started once more, ended well, and started again.
  void end_well() {
    for (int life = 0; life < 2; ++life) {
      DaemonRun run(command(), log_file(), {"SEMROUTE_CRASH_AT="});
      ASSERT_TRUE(run.wait_until_listening() && check(run, false)) << run.log();
      EXPECT_TRUE(write(run.port(), kChanges, nullptr));
      run.signal(SIGTERM);
      ASSERT_EQ(run.wait(60), 0) << run.log();
    }
  }

  [[nodiscard]] RouteWriter::Counts counts() const {
    RouteWriter::Counts all;
    for (const RouteWriter& writer : writers_) {
      const RouteWriter::Counts& one = writer.counts();
      all.acknowledged += one.acknowledged;
      all.batches += one.batches;
      all.unanswered_kept += one.unanswered_kept;
      all.unanswered_gone += one.unanswered_gone;
      all.lost += one.lost;
      all.half_applied += one.half_applied;
    }
    return all;
  }

 private:
  [[nodiscard]] std::vector<std::string> command() const {
    return {faulty_daemon_path(), "--config", folder_.path() + "/semrouted.yaml"};
  }
  [[nodiscard]] std::string log_file() const { return folder_.path() + "/log"; }

  // What is served now. False: it ended meanwhile, which it may at a point.
  bool check(const DaemonRun& run, bool may_end) {
    std::optional<ServedTable> table;
    try {
      table = read_table(run.port());
    } catch (const std::runtime_error& error) {
      EXPECT_TRUE(may_end) << error.what();
      return false;
    }
    EXPECT_EQ(table->file_routes, 1U);
    for (RouteWriter& writer : writers_) writer.check(*table);
    if (testing::Test::HasFailure()) {
      std::printf("the log of the life before:\n%s\nand of this one:\n%s\n", log_before_.c_str(), run.log().c_str());
      std::fflush(stdout);
    }
    return true;
  }

  // Both writers at once. False: the connection of one ended.
  bool write(std::uint16_t port, std::size_t most, const std::atomic<bool>* disk_gone) {
    bool other_connected = false;
    std::thread other([&] { other_connected = writers_[1].run(port, most, disk_gone); });
    const bool connected = writers_[0].run(port, most, disk_gone);
    other.join();
    return connected && other_connected;
  }

  void end(DaemonRun& run, const std::string& how) {
    if (how == "killed") run.signal(SIGKILL);
    log_before_ = run.log();
    ASSERT_EQ(run.wait(60), kKilled) << how << '\n' << run.log();
  }

  TemporaryFolder folder_;
  std::string log_before_;
  std::array<RouteWriter, 2> writers_{RouteWriter("a", 1), RouteWriter("b", 2)};
};

void tell(const std::string& what, const RouteWriter::Counts& counts) {
  std::printf(
      "%s; acknowledged %llu (%llu of them batches); not acknowledged and kept %llu, gone %llu; acknowledged and "
      "lost: %llu; half applied: %llu\n",
      what.c_str(), static_cast<unsigned long long>(counts.acknowledged),
      static_cast<unsigned long long>(counts.batches), static_cast<unsigned long long>(counts.unanswered_kept),
      static_cast<unsigned long long>(counts.unanswered_gone), static_cast<unsigned long long>(counts.lost),
      static_cast<unsigned long long>(counts.half_applied));
  EXPECT_GT(counts.acknowledged, 0U);
  EXPECT_EQ(counts.lost, 0U);
  EXPECT_EQ(counts.half_applied, 0U);
}

TEST(DaemonCrash, Fault50KilledAtRandomMomentsAndNamedPointsNothingAcknowledgedIsLost) {
  const char* const given = std::getenv("SEMROUTE_CRASH_AT");
  const auto always = given != nullptr ? core::test::parse_crash_point(given) : std::nullopt;
  ASSERT_TRUE(given == nullptr || always) << "SEMROUTE_CRASH_AT is no point: " << given;
  const TemporaryFolder data(memory_folder());
  Lives lives(data.path());
  std::mt19937 random(static_cast<unsigned>(cycles()));
  std::uint64_t at_points = 0;
  const auto& places = core::test::crash_places();
  for (std::uint64_t cycle = 0; cycle < cycles(); ++cycle) {
    std::string how;
    if (always) {
      how = words_of(*always);
      at_points += lives.end_at(*always, kChanges) ? 1 : 0;
    } else if (cycle % 2 == 1) {
      const std::string& where = places[cycle / 2 % places.size()];
      const char* const when[]{"before", "half", "after"};
      const bool often = where == "append" || where == "sync" || where == "make";
      const CrashPoint point{where, when[random() % 3], 1 + random() % (often ? 30 : 5)};
      how = words_of(point);
      at_points += lives.end_at(point, kChanges) ? 1 : 0;
    } else if (cycle % 8 == 0) {
      how = "while it starts";
      lives.kill_while_starting(microseconds(random() % 40'000));
    } else {
      how = "while it writes";
      lives.kill_while_writing(microseconds(random() % 40'000));
    }
    ASSERT_FALSE(HasFailure()) << "cycle " << cycle << ", " << how;
  }
  lives.end_well();
  tell(std::to_string(cycles()) + " kills, " + std::to_string(at_points) + " at named points", lives.counts());
}

// Each point is one that is reached: the daemon ends there.
TEST(DaemonCrash, EveryNamedPointIsReached) {
  for (const std::string& where : core::test::crash_places()) {
    const TemporaryFolder data(memory_folder());
    Lives lives(data.path());
    // Something to cut first.
    if (where == "cut") {
      EXPECT_TRUE(lives.end_at({"append", "half", 5}, kChanges));
    }
    EXPECT_TRUE(lives.end_at({where, "after", 1}, 10 * kChanges)) << where;
    lives.end_well();
    ASSERT_FALSE(HasFailure()) << where;
  }
}

TEST(DaemonCrash, Fault51ThePowerOfItsDiskIsCutNothingAcknowledgedIsLost) {
  LoopDisk disk;
  if (!disk.problem().empty()) GTEST_SKIP() << "no disk to cut the power of: " << disk.problem();
  Lives lives(disk.path());
  std::mt19937 random(7);
  const std::uint64_t cuts = std::max<std::uint64_t>(4, cycles() / 20);
  for (std::uint64_t cut = 0; cut < cuts; ++cut) {
    const microseconds delay(5'000 + random() % 80'000);
    if (cut % 4 == 3) {
      lives.lose_disk_while_writing(disk, delay);
    } else {
      lives.cut_power_while_writing(disk, delay);
    }
    ASSERT_FALSE(HasFailure()) << "cut " << cut;
  }
  lives.end_well();
  tell(std::to_string(cuts) + " power cuts", lives.counts());
}

}  // namespace
}  // namespace semroute::test
