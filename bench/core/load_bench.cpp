// bench_load: keeping references on disk and starting from there, beside hnswlib's save and load of the same vectors:
// time, with files in the page cache and every byte of ours checked, and bytes on disk. bench/README.md says how to
// read it.
#include <sysexits.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/core/contender.h"
#include "bench/core/graph_build.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "core/base/check.h"
#include "core/index/index_restorer.h"
#include "core/store/store.h"

namespace semroute::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRowsAKey = 20;  // references a route
constexpr double kTargetShare = 0.6;   // of hnswlib's time to load

std::uint64_t bytes_of(const fs::path& path) {
  if (fs::is_regular_file(path)) return fs::file_size(path);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(path)) bytes += entry.file_size();
  return bytes;
}

template <class T>
T value_of(core::Result<T> result) {
  if (!result.ok()) stop(EX_IOERR, result.error().message);
  return std::move(result).value();
}

// Ours on disk: a store of records with the vectors of some references each, and the file of the graph.
class Kept {
 public:
  Kept(const core::IndexParams& params, const VectorSet& vectors, std::string folder, std::size_t threads)
      : params_(params), vectors_(vectors), folder_(std::move(folder)), threads_(threads) {
    store_params_.folder = folder_;
    store_params_.identity = core::StoreIdentity{static_cast<std::uint32_t>(vectors.dimension), "cosine"};
    store_params_.durability = core::Durability::off;
    store_params_.automatic_snapshots = false;
  }

  void put_all() {
    const auto store = value_of(core::Store::open(store_params_));
    std::uint64_t sequence = 0;
    for (std::size_t row = 0; row < vectors_.count; row += kRowsAKey) {
      const std::size_t some = std::min(kRowsAKey, vectors_.count - row);
      const std::string key = "route-" + std::to_string(row / kRowsAKey);
      const std::span<const float> rows(vectors_.row(row), some * vectors_.dimension);
      const core::StoreChange change{.kind = core::RecordKind::set, .key = key, .record = std::as_bytes(rows)};
      const core::StoreBatch batch{.sequence = ++sequence, .changes = {&change, 1}};
      const core::CommitOutcome outcome = store->commit({&batch, 1});
      if (!outcome.ok()) stop(EX_IOERR, outcome.error.message);
    }
  }

  // The snapshot and the graph, synced.
  Elapsed save(const core::Index& index) {
    const auto store = value_of(core::Store::open(store_params_));
    const core::Folder folder(folder_, core::real_system_calls());
    const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
    if (const auto wrote = store->write_snapshot(); !wrote.ok()) stop(EX_IOERR, wrote.error().message);
    core::File file = value_of(folder.open("graph", core::OpenMode::create));
    if (const auto saved = index.save_graph(file); !saved.ok()) stop(EX_IOERR, saved.error().message);
    if (const auto synced = file.sync(); !synced.ok()) stop(EX_IOERR, synced.error().message);
    return watch.elapsed();
  }

  // As a daemon does: recovers the store, reads every record, makes the index with the graph of the file.
  std::unique_ptr<core::Index> load(Elapsed& took) {
    const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
    store_params_.threads = threads_;
    const auto store = value_of(core::Store::open(store_params_));
    const core::Folder folder(folder_, core::real_system_calls());
    const core::File file = value_of(folder.open("graph", core::OpenMode::read));
    core::IndexRestorer restorer = value_of(core::IndexRestorer::open(params_, file));
    std::atomic<core::ReferenceId> next{0};
    std::atomic<std::size_t> others{0};
    const auto read = store->read_all(
        [&](std::string_view, std::span<const std::span<const std::byte>> chain) {
          std::uint32_t near = 0;  // rows of a key lie together in the graph, keys in another order than here
          for (const auto record : chain) {
            const std::span<const float> floats(reinterpret_cast<const float*>(record.data()),
                                                record.size() / sizeof(float));
            core::ReferenceId id = next.fetch_add(floats.size() / vectors_.dimension);
            for (std::size_t at = 0; at < floats.size(); at += vectors_.dimension)
              if (!restorer.add(id++, floats.subspan(at, vectors_.dimension), near)) ++others;
          }
          return core::Result<void>();
        },
        threads_);
    if (!read.ok()) stop(EX_IOERR, read.error().message);
    SEMROUTE_CHECK(others == 0);
    auto index = value_of(restorer.finish(others, threads_));
    took = watch.elapsed();
    return index;
  }

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  core::IndexParams params_;
  const VectorSet& vectors_;
  std::string folder_;
  std::size_t threads_;
  core::StoreParams store_params_;
};

struct Line {
  std::string name;
  std::vector<double> save_ms{};
  std::vector<double> load_ms{};
  std::vector<double> load_cpu_ms{};
  std::uint64_t bytes = 0;
};

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv,
                  "References kept on disk and loaded again, beside hnswlib. Exit code 1: slower than asked.");
  ClusteredSet set;
  set.count = options.number("count", 20'000, "vectors");
  set.dimension = options.number("dimension", 384, "numbers a vector");
  const std::size_t threads = options.number("threads", 2, "that build and load");
  const std::size_t rounds = options.number("rounds", 5, "the median of so many loads");
  const std::string word = options.text("index", "none:f32", "QUANTIZATION:RERANK of the index");
  const std::string folder = options.text("folder", "", "where files are kept meanwhile; default: a new one in /tmp");
  const std::string keep = options.text("keep", "", "folder for the peer's graph, for the next run");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();

  const VectorSet vectors = clustered_vectors(set, threads);
  const semroute::core::IndexParams params =
      our_params(word, params_of(set.dimension, semroute::core::Algorithm::hnsw));
  std::string place = folder.empty() ? "/tmp/semroute-bench-load-XXXXXX" : folder;
  if (folder.empty() && ::mkdtemp(place.data()) == nullptr) stop(EX_CANTCREAT, "no folder in /tmp");
  fs::create_directories(place + "/store");
  Kept kept(params, vectors, place + "/store", threads);
  Line ours{"ours_" + word};
  {
    progress("building ours");
    const auto index = built_index(params, vectors.rows(), threads);
    kept.put_all();
    ours.save_ms.push_back(kept.save(*index).wall_us / 1e3);
    ours.bytes = bytes_of(kept.folder());
  }
  Line peer{"hnswlib"};
  const GraphShape shape{set.dimension, set.count, params.hnsw.m, params.hnsw.ef_construction};
  const std::string file = place + "/hnswlib";
  std::unique_ptr<Contender> contender = hnswlib_graph(shape);
  if (contender != nullptr) {
    const std::string kept_file = keep.empty() ? ""
                                               : keep + "/hnswlib_" + set.key() + "_m" + std::to_string(shape.m) +
                                                     "_efc" + std::to_string(shape.ef_construction);
    Build took;
    contender = build({.name = contender->name(),
                       .make = [&] { return hnswlib_graph(shape); },
                       .threads = {threads},
                       .file = kept_file},
                      vectors.rows(), threads, took);
    const Stopwatch watch;
    SEMROUTE_CHECK(contender->save(file));
    peer.save_ms.push_back(watch.elapsed().wall_us / 1e3);
    peer.bytes = bytes_of(file);
    contender = nullptr;
  }
  std::vector<double> shares;
  for (std::size_t round = 0; round < rounds; ++round) {
    Elapsed took;
    {
      const auto index = kept.load(took);
      SEMROUTE_CHECK(index->count() == set.count && index->walks());
    }
    ours.load_ms.push_back(took.wall_us / 1e3);
    ours.load_cpu_ms.push_back(took.cpu_us / 1e3);
    if (peer.bytes == 0) continue;
    const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
    contender = hnswlib_graph(shape);
    SEMROUTE_CHECK(contender->load(file));
    took = watch.elapsed();
    contender = nullptr;
    peer.load_ms.push_back(took.wall_us / 1e3);
    peer.load_cpu_ms.push_back(took.cpu_us / 1e3);
    shares.push_back(ours.load_ms.back() / peer.load_ms.back());
  }
  Table table("Keeping " + std::to_string(set.count) + "x" + std::to_string(set.dimension) +
                  " on disk and loading it, " + std::to_string(threads) + " threads (hnswlib: 1), median of " +
                  std::to_string(rounds) + " loads",
              {"index", "save_ms", "load_ms", "load_cpu_ms", "bytes_a_vector", "x_hnswlib_load"});
  const auto add = [&](const Line& line, const std::string& share) {
    table.add({line.name, fixed(median(line.save_ms), 0), fixed(median(line.load_ms), 0),
               fixed(median(line.load_cpu_ms), 0),
               fixed(static_cast<double>(line.bytes) / static_cast<double>(set.count), 0), share});
  };
  add(ours, shares.empty() ? "-" : fixed(median(shares), 2));
  if (peer.bytes > 0) add(peer, "1");
  table.publish(out, "load");
  if (folder.empty()) fs::remove_all(place);
  return shares.empty() || median(shares) <= kTargetShare ? 0 : 1;
}
