// bench_start: the real daemon's start over references that it keeps in data_dir with their graph: how long until the
// first search is answered. bench/README.md says how to read it.
#include <sysexits.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bench/core/contender.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/memory.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "config/config.h"
#include "router/changes/graph_keeper.h"
#include "router/changes/route_record.h"
#include "router/changes/store_journal.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRowsARoute = 20;
constexpr std::size_t kRoutesAtOnce = 100;
constexpr int kLongestStartSeconds = 900;

struct Plan {
  ClusteredSet set;
  core::IndexParams params;
  std::size_t threads = 0;
  std::string place;
  std::string keep;

  [[nodiscard]] std::string data_dir() const { return place + "/data"; }
};

template <class T>
T value_of(core::Result<T> result) {
  if (!result.ok()) stop(EX_IOERR, result.error().message);
  return std::move(result).value();
}

// Names in the order of their numbers, so that rows come in the order in which they are in the graph.
std::string name_of(std::size_t route) {
  const std::string number = std::to_string(route);
  return "route-" + std::string(8 - std::min<std::size_t>(8, number.size()), '0') + number;
}

void put_routes(const Plan& plan, const VectorSet& vectors) {
  config::Config config;
  static_cast<core::IndexParams&>(config.index) = plan.params;
  config.data_dir = plan.data_dir();
  config.store.durability = config::Durability::off;
  const auto journal = value_of(router::StoreJournal::open(config, {}));
  std::uint64_t sequence = 0;
  std::vector<router::JournalBatch> batches;
  for (std::size_t row = 0; row < vectors.count; row += kRowsARoute) {
    router::RouteChange put;
    put.name = name_of(row / kRowsARoute);
    put.references.count = std::min(kRowsARoute, vectors.count - row);
    put.references.dimension = vectors.dimension;
    put.references.values.assign(vectors.row(row), vectors.row(row) + put.references.count * vectors.dimension);
    ++sequence;
    batches.push_back({sequence, {router::journal_change(put, sequence)}});
    if (batches.size() < kRoutesAtOnce && row + kRowsARoute < vectors.count) continue;
    if (const auto failed = journal->commit(batches)) stop(EX_IOERR, failed->error.message);
    batches.clear();
  }
}

// What a daemon leaves in data_dir: the routes, in a snapshot, and the file of their graph.
void make_data_dir(const Plan& plan) {
  const VectorSet vectors = clustered_vectors(plan.set, plan.threads);
  put_routes(plan, vectors);
  {
    core::StoreParams params;
    params.folder = plan.data_dir();
    params.automatic_snapshots = false;
    if (const auto wrote = value_of(core::Store::open(params))->write_snapshot(); !wrote.ok())
      stop(EX_IOERR, wrote.error().message);
  }
  const core::Folder folder(plan.data_dir(), core::real_system_calls());
  const std::string kept = plan.keep + "/ours_" + plan.set.key() + "_m" + std::to_string(plan.params.hnsw.m) + "_efc" +
                           std::to_string(plan.params.hnsw.ef_construction);
  if (!plan.keep.empty() && fs::exists(kept)) {
    fs::copy_file(kept, folder.path_of(router::kGraphFileName));
    return;
  }
  progress("building the graph");
  const auto index = built_index(plan.params, vectors.rows(), plan.threads);
  core::File file = value_of(folder.open(router::kGraphFileName, core::OpenMode::create));
  if (const auto saved = index->save_graph(file); !saved.ok()) stop(EX_IOERR, saved.error().message);
}

std::string configuration(const Plan& plan) {
  return "index: {dimension: " + std::to_string(plan.set.dimension) +
         ", algorithm: hnsw, capacity: " + std::to_string(plan.params.capacity) +
         ", hnsw: {m: " + std::to_string(plan.params.hnsw.m) +
         ", ef_construction: " + std::to_string(plan.params.hnsw.ef_construction) + "}}\ndata_dir: " + plan.data_dir() +
         "\n";
}

std::string search_of(std::size_t dimension) {
  std::string line = R"({"op":"match","embedding":[1)";
  for (std::size_t i = 1; i < dimension; ++i) line += ",0";
  return line + "]}";
}

// Until the answer to the first search, by a daemon that was started for it and reads alone.
double start_ms(const Plan& plan, const std::string& program) {
  have_memory_at_hand(plan.set.count * plan.set.dimension * sizeof(float) * 2);
  const Stopwatch watch;
  const test::DaemonProcess daemon(configuration(plan), {}, {"--read-only"}, program, kLongestStartSeconds);
  test::RawClient client(daemon.port());
  const std::string answer = client.ask(search_of(plan.set.dimension));
  const double took_ms = watch.elapsed().wall_us / 1e3;
  const std::string log = daemon.log();
  if (answer.find("\"decision\"") == std::string::npos) stop(EX_SOFTWARE, "no answer to a search: " + answer);
  if (log.find("references was made with the graph") == std::string::npos)
    stop(EX_SOFTWARE, "the graph was of no use: " + log);
  return took_ms;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "The daemon's start over references in data_dir, until a search is answered.");
  Plan plan;
  plan.set.count = options.number("count", 20'000, "vectors");
  plan.set.dimension = options.number("dimension", 384, "numbers a vector");
  plan.threads = options.number("threads", 2, "that build the graph; the daemon takes what it finds");
  const std::size_t rounds = options.number("rounds", 5, "the median of so many starts");
  plan.params = params_of(plan.set.dimension, semroute::core::Algorithm::hnsw);
  plan.params.capacity = std::max(plan.params.capacity, 2 * plan.set.count);
  plan.params.hnsw.ef_construction = options.number("ef-construction", 200, "of the graph: starting takes as long");
  const std::string folder = options.text("folder", "", "where files are kept, and found again; default: in /tmp");
  plan.keep = options.text("keep", "", "folder with a graph that bench_load kept");
  const std::string program = options.text("daemon", semroute::test::daemon_path(), "the daemon to start");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();

  plan.place = folder.empty() ? "/tmp/semroute-bench-start-XXXXXX" : folder;
  if (folder.empty() && ::mkdtemp(plan.place.data()) == nullptr) stop(EX_CANTCREAT, "no folder in /tmp");
  if (!fs::exists(plan.data_dir())) make_data_dir(plan);
  std::vector<double> took_ms;
  for (std::size_t round = 0; round < rounds; ++round) took_ms.push_back(start_ms(plan, program));
  Table table("Start of the daemon over " + std::to_string(plan.set.count) + "x" + std::to_string(plan.set.dimension) +
                  " references in data_dir, until a search is answered, median of " + std::to_string(rounds),
              {"references", "start_ms", "shortest_ms"});
  table.add({std::to_string(plan.set.count), fixed(median(took_ms), 0), fixed(*std::ranges::min_element(took_ms), 0)});
  table.publish(out, "start");
  if (folder.empty()) fs::remove_all(plan.place);
  return 0;
}
