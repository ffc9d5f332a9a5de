// bench_load: keeping references on disk and starting from there, beside hnswlib's save and load of the same vectors:
// time, with files in the page cache and every byte of ours checked, and bytes on disk. bench/README.md says how to
// read it.
#include <sysexits.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/core/contender.h"
#include "bench/core/graph_build.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/memory.h"
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

// Bytes in files, by what is in them.
struct DiskBytes {
  std::uint64_t snapshots = 0;
  std::uint64_t logs = 0;
  std::uint64_t graph = 0;  // hnswlib's file is all graph
  [[nodiscard]] std::uint64_t all() const { return snapshots + logs + graph; }
};

DiskBytes bytes_of(const fs::path& folder) {
  DiskBytes bytes;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    std::uint64_t& kind = name.starts_with("snapshot_") ? bytes.snapshots
                          : name.starts_with("log_")    ? bytes.logs
                                                        : bytes.graph;
    kind += entry.file_size();
  }
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
  Kept(const core::IndexParams& params, std::string folder, std::size_t threads)
      : params_(params), folder_(std::move(folder)), threads_(threads) {
    store_params_.folder = folder_;
    store_params_.identity = core::StoreIdentity{static_cast<std::uint32_t>(params.dimension), "cosine"};
    store_params_.durability = core::Durability::off;
    store_params_.automatic_snapshots = false;
  }

  void put_all(const VectorSet& vectors) {
    const auto store = value_of(core::Store::open(store_params_));
    std::uint64_t sequence = 0;
    for (std::size_t row = 0; row < vectors.count; row += kRowsAKey) {
      const std::size_t some = std::min(kRowsAKey, vectors.count - row);
      const std::string key = "route-" + std::to_string(row / kRowsAKey);
      const std::span<const float> rows(vectors.row(row), some * vectors.dimension);
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
    core::IndexRestorer restorer = value_of(core::IndexRestorer::open(params_, file, threads_));
    core::ReferenceId next = 0;
    std::size_t others = 0;
    const auto read = store->read_all_beside(
        [&](std::string_view, std::span<const std::span<const std::byte>> chain) {
          std::uint32_t near = 0;  // rows of a key lie together in the graph, keys in another order than here
          std::vector<std::uint32_t> slots;
          for (const auto record : chain) {
            const std::span<const float> floats(reinterpret_cast<const float*>(record.data()),
                                                record.size() / sizeof(float));
            for (std::size_t at = 0; at < floats.size(); at += params_.dimension)
              slots.push_back(restorer.place(floats.subspan(at, params_.dimension), near));
          }
          return core::Result<core::ChainRest>([&, slots = std::move(slots)] {
            for (const std::uint32_t slot : slots) {
              if (slot == core::kNoSlot)
                ++others;
              else
                restorer.name(slot, next++);
            }
            return core::Result<void>();
          });
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
  std::string folder_;
  std::size_t threads_;
  core::StoreParams store_params_;
};

struct Line {
  std::string name;
  std::vector<double> save_ms{};
  std::vector<double> load_ms{};
  std::vector<double> load_cpu_ms{};
  DiskBytes bytes{};
};

struct Plan {
  ClusteredSet set;
  core::IndexParams params;
  std::size_t threads = 0;
  std::size_t rounds = 0;
  std::string place;  // of the files that are measured
  std::string keep;   // of the graphs, for the next run; empty: none
  bool is_again = false;

  [[nodiscard]] std::string graph_name() const {
    return set.key() + "_m" + std::to_string(params.hnsw.m) + "_efc" + std::to_string(params.hnsw.ef_construction);
  }
  [[nodiscard]] GraphShape shape() const {
    return {set.dimension, set.count, params.hnsw.m, params.hnsw.ef_construction};
  }
  [[nodiscard]] std::string peer_file() const { return place + "/hnswlib"; }
};

// What plan.keep has of an earlier run, or built now and kept there.
std::unique_ptr<core::Index> our_graph(const Plan& plan, const VectorSet& vectors) {
  const std::string name = "ours_" + plan.graph_name();
  const core::Folder kept(plan.keep, core::real_system_calls());
  if (const auto file = kept.open(name, core::OpenMode::read); !plan.keep.empty() && file.ok()) {
    std::vector<core::ReferenceId> ids(vectors.count);
    std::iota(ids.begin(), ids.end(), core::ReferenceId{0});
    auto index = core::Index::restore(
        plan.params, *file, ids,
        [&](std::size_t i, std::span<float> vector) { std::copy_n(vectors.row(i), vector.size(), vector.begin()); },
        plan.threads);
    if (index.ok()) return std::move(index).value();
    progress("cannot use what was kept: " + index.error().message);
  }
  progress("building ours");
  auto index = built_index(plan.params, vectors.rows(), plan.threads);
  if (plan.keep.empty()) return index;
  core::File file = value_of(kept.open(name, core::OpenMode::create));
  if (const auto saved = index->save_graph(file); !saved.ok()) stop(EX_IOERR, saved.error().message);
  return index;
}

void make_files(const Plan& plan, Kept& kept, Line& ours, Line& peer) {
  const VectorSet vectors = clustered_vectors(plan.set, plan.threads);
  {
    const auto index = our_graph(plan, vectors);
    kept.put_all(vectors);
    ours.save_ms.push_back(kept.save(*index).wall_us / 1e3);
  }
  std::unique_ptr<Contender> contender = hnswlib_graph(plan.shape());
  if (contender == nullptr) return;
  Build took;
  contender = build({.name = contender->name(),
                     .make = [&] { return hnswlib_graph(plan.shape()); },
                     .threads = {plan.threads},
                     .file = plan.keep.empty() ? "" : plan.keep + "/hnswlib_" + plan.graph_name()},
                    vectors.rows(), plan.threads, took);
  const Stopwatch watch;
  SEMROUTE_CHECK(contender->save(plan.peer_file()));
  peer.save_ms.push_back(watch.elapsed().wall_us / 1e3);
}

// The ratios of the rounds; none without the peer.
std::vector<double> measure(const Plan& plan, Kept& kept, Line& ours, Line& peer) {
  std::vector<double> shares;
  const auto note = [](Line& line, const Elapsed& took) {
    line.load_ms.push_back(took.wall_us / 1e3);
    line.load_cpu_ms.push_back(took.cpu_us / 1e3);
  };
  const std::size_t memory = plan.set.count * plan.set.dimension * sizeof(float) / 2 * 3;  // more than either takes
  for (std::size_t round = 0; round < plan.rounds; ++round) {
    Elapsed took;
    have_memory_at_hand(memory);
    {
      const auto index = kept.load(took);
      SEMROUTE_CHECK(index->count() == plan.set.count && index->walks());
    }
    note(ours, took);
    if (peer.bytes.all() == 0) continue;
    have_memory_at_hand(memory);
    std::unique_ptr<Contender> contender = hnswlib_graph(plan.shape());
    const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
    SEMROUTE_CHECK(contender->load(plan.peer_file()));
    note(peer, watch.elapsed());
    shares.push_back(ours.load_ms.back() / peer.load_ms.back());
  }
  return shares;
}

void show(const Plan& plan, const std::string& share, const Line& ours, const Line& peer, const std::string& out) {
  Table table(
      "Keeping " + std::to_string(plan.set.count) + "x" + std::to_string(plan.set.dimension) +
          " on disk and loading it, " + std::to_string(plan.threads) + " threads (hnswlib: 1), median of " +
          std::to_string(plan.rounds) + " loads, ef_construction " + std::to_string(plan.params.hnsw.ef_construction),
      {"index", "save_ms", "load_ms", "load_cpu_ms", "x_hnswlib_load", "bytes_a_vector", "snapshots", "logs", "graph"});
  const auto add = [&](const Line& line, const std::string& ratio) {
    const auto a_vector = [&](std::uint64_t bytes) {
      return fixed(static_cast<double>(bytes) / static_cast<double>(plan.set.count), 0);
    };
    table.add({line.name, line.save_ms.empty() ? "-" : fixed(median(line.save_ms), 0), fixed(median(line.load_ms), 0),
               fixed(median(line.load_cpu_ms), 0), ratio, a_vector(line.bytes.all()), a_vector(line.bytes.snapshots),
               a_vector(line.bytes.logs), a_vector(line.bytes.graph)});
  };
  add(ours, share);
  if (peer.bytes.all() > 0) add(peer, "1");
  table.publish(out, "load");
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv,
                  "References kept on disk and loaded again, beside hnswlib. Exit code 1: slower than asked.");
  Plan plan;
  plan.set.count = options.number("count", 20'000, "vectors");
  plan.set.dimension = options.number("dimension", 384, "numbers a vector");
  plan.threads = options.number("threads", 2, "that build and load");
  plan.rounds = options.number("rounds", 5, "the median of so many loads");
  const std::string word = options.text("index", "none:f32", "QUANTIZATION:RERANK of the index");
  plan.params = our_params(word, params_of(plan.set.dimension, semroute::core::Algorithm::hnsw));
  plan.params.hnsw.ef_construction =
      options.number("ef-construction", 200, "of both graphs: loading takes as long whatever it is, building does not");
  const std::string folder = options.text("folder", "", "where files are kept meanwhile; default: a new one in /tmp");
  plan.is_again = options.text("again", "no", "yes: load what an earlier run left in --folder, make nothing") == "yes";
  plan.keep = options.text("keep", "", "folder for both graphs, for the next run");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();

  plan.place = folder.empty() ? "/tmp/semroute-bench-load-XXXXXX" : folder;
  if (folder.empty() && ::mkdtemp(plan.place.data()) == nullptr) stop(EX_CANTCREAT, "no folder in /tmp");
  fs::create_directories(plan.place + "/store");
  Kept kept(plan.params, plan.place + "/store", plan.threads);
  Line ours{"ours_" + word};
  Line peer{"hnswlib"};
  if (!plan.is_again) make_files(plan, kept, ours, peer);
  ours.bytes = bytes_of(kept.folder());
  if (fs::exists(plan.peer_file())) peer.bytes.graph = fs::file_size(plan.peer_file());
  const std::vector<double> shares = measure(plan, kept, ours, peer);
  show(plan, shares.empty() ? "-" : fixed(median(shares), 2), ours, peer, out);
  if (folder.empty()) fs::remove_all(plan.place);
  return shares.empty() || median(shares) <= kTargetShare ? 0 : 1;
}
