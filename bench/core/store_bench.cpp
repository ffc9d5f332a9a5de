// bench_store: acknowledged durable puts of one 384-float record a second, beside a plain write and fdatasync loop and
// SQLite; and what a store of many records takes to write, snapshot and open. bench/README.md says how to read it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <semaphore>
#include <thread>

#include "bench/core/sqlite_peer.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "core/base/check.h"
#include "core/store/store.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kDimension = 384;
constexpr std::size_t kKeys = 10'000;
constexpr double kTargetTimes = 20.0;  // the rate of the plain loop, where its sync takes a millisecond or more

std::vector<float> vector_number(std::size_t number) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::vector<float> vector(kDimension);
  for (float& value : vector) value = static_cast<float>(random()) * 0x1p-32F;
  return vector;
}

// The disk as it is, or one whose syncs take longer.
class Disk final : public core::SystemCalls {
 public:
  explicit Disk(std::size_t added_sync_ms) : added_(added_sync_ms) {}
  int fdatasync(int descriptor) override {
    if (added_.count() > 0) std::this_thread::sleep_for(added_);
    return SystemCalls::fdatasync(descriptor);
  }
  [[nodiscard]] bool slowed() const noexcept { return added_.count() > 0; }

 private:
  std::chrono::milliseconds added_;
};

using Commit = std::function<void(std::span<const Put>)>;

// Waiting writers in front of one thread that commits all that wait as one group, as the daemon's changes do.
class GroupQueue {
 public:
  explicit GroupQueue(Commit commit) : commit_(std::move(commit)), thread_([this] { run(); }) {}
  ~GroupQueue() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    waiting_.notify_one();
  }

  // Returns when it is committed.
  void put(Put put) {
    std::binary_semaphore done(0);
    {
      const std::lock_guard lock(mutex_);
      puts_.push_back(std::move(put));
      acknowledge_.push_back(&done);
    }
    waiting_.notify_one();
    done.acquire();
  }
  [[nodiscard]] std::size_t groups() const noexcept { return groups_; }

 private:
  void run() {
    for (;;) {
      std::vector<Put> puts;
      std::vector<std::binary_semaphore*> acknowledge;
      {
        std::unique_lock lock(mutex_);
        waiting_.wait(lock, [this] { return closing_ || !puts_.empty(); });
        if (puts_.empty()) return;
        puts.swap(puts_);
        acknowledge.swap(acknowledge_);
      }
      commit_(puts);
      ++groups_;
      for (std::binary_semaphore* const one : acknowledge) one->release();
    }
  }

  Commit commit_;
  std::mutex mutex_;
  std::condition_variable waiting_;
  std::vector<Put> puts_;
  std::vector<std::binary_semaphore*> acknowledge_;
  bool closing_ = false;
  std::atomic<std::size_t> groups_{0};
  std::jthread thread_;
};

struct Rate {
  double puts_per_s = std::nan("");
  double puts_per_group = 1.0;
  double p50_ms = std::nan("");
  double p99_ms = std::nan("");
};

// `writers` threads put for `seconds`, each waiting for its acknowledgement before the next.
Rate measure(std::size_t writers, double seconds, const Commit& commit) {
  GroupQueue queue(commit);
  std::mutex mutex;
  std::vector<double> waits_ms;
  const Stopwatch watch;
  {
    std::vector<std::jthread> threads;
    for (std::size_t writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        const std::vector<float> vector = vector_number(writer);
        std::vector<double> mine_ms;
        for (std::size_t i = writer; watch.elapsed().wall_us < seconds * 1e6; i += writers) {
          const Stopwatch wait;
          queue.put({"route" + std::to_string(i % kKeys), std::as_bytes(std::span(vector))});
          mine_ms.push_back(wait.elapsed().wall_us / 1e3);
        }
        const std::lock_guard lock(mutex);
        waits_ms.insert(waits_ms.end(), mine_ms.begin(), mine_ms.end());
      });
    }
  }
  const double took_s = watch.elapsed().wall_us / 1e6;
  const auto puts = static_cast<double>(waits_ms.size());
  return {puts / took_s, puts / static_cast<double>(queue.groups()), quantile(waits_ms, 0.5), quantile(waits_ms, 0.99)};
}

Rate plain_loop(Disk& disk, const std::string& folder, double seconds) {
  const int file = ::open((folder + "/plain").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) stop(73, "cannot make a file in " + folder);
  const std::vector<float> vector = vector_number(0);
  std::vector<double> waits_ms;
  const Stopwatch watch;
  while (watch.elapsed().wall_us < seconds * 1e6) {
    const Stopwatch wait;
    const auto bytes = static_cast<ssize_t>(kDimension * sizeof(float));
    if (::write(file, vector.data(), kDimension * sizeof(float)) != bytes || disk.fdatasync(file) != 0)
      stop(74, "cannot write to " + folder);
    waits_ms.push_back(wait.elapsed().wall_us / 1e3);
  }
  const double took_s = watch.elapsed().wall_us / 1e6;
  ::close(file);
  return {static_cast<double>(waits_ms.size()) / took_s, 1.0, quantile(waits_ms, 0.5), quantile(waits_ms, 0.99)};
}

std::unique_ptr<core::Store> open_store(Disk& disk, const std::string& folder, bool snapshots) {
  core::StoreParams params;
  params.folder = folder;
  params.identity = core::StoreIdentity{kDimension, "cosine"};
  params.automatic_snapshots = snapshots;
  auto store = core::Store::open(params, disk);
  if (!store) stop(74, store.error().message);
  return std::move(*store);
}

void commit_to(core::Store& store, std::span<const Put> puts) {
  std::vector<core::StoreChange> changes;
  changes.reserve(puts.size());
  for (const Put& put : puts) changes.push_back({core::RecordKind::set, put.key, put.value});
  std::vector<core::StoreBatch> batches;
  std::uint64_t sequence = store.last_sequence();
  for (const core::StoreChange& change : changes) batches.push_back({++sequence, {&change, 1}});
  const auto outcome = store.commit(batches);
  if (!outcome.ok()) stop(74, outcome.error.message);
}

// A folder for one contestant, removed at its end.
class Place {
 public:
  explicit Place(const std::string& where) {
    std::string name = where + "/bench_store_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) stop(73, "cannot make a folder in " + where);
    path_ = name;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

Rate store_rate(Disk& disk, const std::string& where, std::size_t writers, double seconds) {
  const Place place(where);
  const auto store = open_store(disk, place.path(), true);
  return measure(writers, seconds, [&](std::span<const Put> puts) { commit_to(*store, puts); });
}

Rate sqlite_rate(const std::string& where, std::size_t writers, double seconds) {
  const Place place(where);
  const auto peer = make_sqlite_peer(place.path());
  if (peer == nullptr) return {};
  return measure(writers, seconds, [&](std::span<const Put> puts) { peer->commit(puts); });
}

// False when the target was missed.
bool measure_puts(Disk& disk, const std::string& where, std::size_t writers, std::size_t rounds, double seconds,
                  const std::string& out) {
  struct Row {
    std::string name;
    std::size_t writers;
    std::function<Rate()> run;
    std::vector<Rate> rates;
  };
  std::vector<Row> rows;
  rows.push_back({"write and fdatasync", 1, [&] { return plain_loop(disk, Place(where).path(), seconds); }, {}});
  for (const std::size_t count : {std::size_t{1}, writers}) {
    rows.push_back({"store", count, [&, count] { return store_rate(disk, where, count, seconds); }, {}});
    if (!disk.slowed())
      rows.push_back({"SQLite", count, [&, count] { return sqlite_rate(where, count, seconds); }, {}});
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    progress("puts: round " + std::to_string(round + 1) + " of " + std::to_string(rounds));
    for (Row& row : rows) row.rates.push_back(row.run());
  }
  Table table("Acknowledged durable puts of one record of 384 floats, wall time",
              {"what", "writers", "puts_per_s", "x_fdatasync", "puts_per_sync", "p50_ms", "p99_ms"});
  double store_times = 0.0;
  for (const Row& row : rows) {
    std::vector<double> per_s;
    std::vector<double> times;
    for (std::size_t round = 0; round < rounds; ++round) {
      per_s.push_back(row.rates[round].puts_per_s);
      times.push_back(row.rates[round].puts_per_s / rows.front().rates[round].puts_per_s);
    }
    const Rate& last = row.rates.back();
    if (row.name == "store") store_times = median(times);
    table.add({row.name, std::to_string(row.writers), fixed(median(per_s), 0), fixed(median(times), 1),
               fixed(last.puts_per_group, 1), fixed(last.p50_ms, 2), fixed(last.p99_ms, 2)});
  }
  table.publish(out, "store_puts");
  const double sync_ms = rows.front().rates.back().p50_ms;
  if (sync_ms < 1.0) return true;
  const bool met = store_times >= kTargetTimes;
  std::printf("store with %zu writers: %.1f times the plain loop, target %.0f: %s\n", writers, store_times,
              kTargetTimes, met ? "met" : "missed");
  return met;
}

// Many records: written, made a snapshot of, opened, read.
void measure_size(Disk& disk, const std::string& where, std::size_t count, const std::string& out) {
  const Place place(where);
  Table table("A store of " + std::to_string(count) + " x 384 floats, a key each, warm page cache, wall time",
              {"what", "seconds", "mb_per_s", "on_disk_mb"});
  const double mb = static_cast<double>(count * kDimension * sizeof(float)) / 1e6;
  const auto timed = [&](const std::string& what, const std::function<std::uint64_t()>& work) {
    progress(what);
    const Stopwatch watch;
    const std::uint64_t on_disk = work();
    const double seconds = watch.elapsed().wall_us / 1e6;
    table.add({what, fixed(seconds, 2), fixed(mb / seconds, 0), fixed(static_cast<double>(on_disk) / 1e6, 0)});
  };
  auto store = open_store(disk, place.path(), false);
  timed("write in groups of 1000", [&] {
    const std::vector<float> vector = vector_number(1);
    for (std::size_t begin = 0; begin < count; begin += 1'000) {
      std::vector<Put> puts;
      for (std::size_t i = begin; i < std::min(begin + 1'000, count); ++i)
        puts.push_back({"key" + std::to_string(i * 7'919 % count), std::as_bytes(std::span(vector))});
      commit_to(*store, puts);
    }
    return store->bytes().on_disk;
  });
  const auto reopen = [&] {
    store.reset();
    store = open_store(disk, place.path(), false);
    return store->bytes().on_disk;
  };
  const auto read = [&] {
    std::uint64_t bytes = 0;
    const auto all = store->read_all([&](std::string_view, std::span<const std::span<const std::byte>> chain) {
      for (const auto& record : chain) bytes += record.size();
      return core::Result<void>{};
    });
    if (!all) stop(74, all.error().message);
    SEMROUTE_CHECK(bytes == count * kDimension * sizeof(float));
    return store->bytes().on_disk;
  };
  timed("open from the log", reopen);
  timed("read all from the log", read);
  timed("snapshot", [&] {
    if (const auto written = store->write_snapshot(); !written) stop(74, written.error().message);
    return store->bytes().on_disk;
  });
  timed("open from the snapshot", reopen);
  timed("read all from the snapshot", read);
  table.publish(out, "store_size");
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Durable puts a second. Exit code 1: fewer than 20 times the disk's own syncs.");
  const std::size_t writers = options.number("writers", 64, "how many wait at once");
  const std::size_t rounds = options.number("rounds", 3, "turns of each, the median of which counts");
  const std::size_t seconds = options.number("seconds", 3, "of a turn");
  const std::size_t count = options.number("count", 100'000, "records of the large store");
  const std::string folder = options.text("folder", ".", "where the files are made: the disk that is measured");
  const std::string added =
      options.text("added-sync-ms", "", "a slower disk: each sync sleeps so many milliseconds before it");
  const std::string out = options.text("out", "", "a folder for CSV files");
  options.finish();
  std::size_t added_ms = 0;
  const auto [end, problem] = std::from_chars(added.data(), added.data() + added.size(), added_ms);
  if (!added.empty() && (problem != std::errc{} || end != added.data() + added.size() || added_ms > 10'000))
    stop(64, "--added-sync-ms takes whole numbers up to 10000, got '" + added + "'");
  Disk disk(added_ms);
  const bool met = measure_puts(disk, folder, writers, rounds, static_cast<double>(seconds), out);
  measure_size(disk, folder, count, out);
  return met ? 0 : 1;
}
