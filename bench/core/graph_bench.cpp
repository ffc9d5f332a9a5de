// bench_graph: recall@10 against queries a second of graph indexes over clustered vectors, one thread, one query a
// call: ours, hnswlib, FAISS, with equal M and ef_construction; and what building them takes. bench/README.md says how
// to read it.
#include <sysexits.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bench/core/ask.h"
#include "bench/core/curve.h"
#include "bench/core/graph_build.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/turns.h"

namespace semroute::bench {
namespace {

constexpr double kEnoughRecall = 0.997;  // a curve ends at its first point from here on
constexpr std::size_t kBuildEf = 100;    // at which the builds' recall is compared

struct Setup {
  ClusteredSet set;
  std::vector<std::string> ours;
  std::vector<std::string> peers;
  core::IndexParams params;
  std::vector<std::size_t> efs;
  std::vector<std::size_t> threads;
  std::size_t rounds = 0;
  std::string out;
  std::string keep;
};

struct Entrant {
  Entry entry;
  std::unique_ptr<Contender> contender{};
  std::vector<Build> builds{};
  std::vector<double> recalls{};  // of each ef, while the curve goes on
};

std::vector<Entrant> entrants_of(const Setup& setup) {
  std::vector<Entrant> entrants;
  for (const std::string& word : setup.ours) {
    const core::IndexParams params = our_params(word, setup.params);
    entrants.push_back({.entry = {our_index(params)->name(), [params] { return our_index(params); }, setup.threads}});
  }
  const GraphShape shape{setup.set.dimension, setup.set.count, setup.params.hnsw.m, setup.params.hnsw.ef_construction};
  for (const std::string& peer : setup.peers) {
    if (peer != "hnswlib" && peer != "faiss") stop(EX_USAGE, "the peers are hnswlib and faiss, not '" + peer + "'");
    const auto make = [peer, shape] { return peer == "hnswlib" ? hnswlib_graph(shape) : faiss_graph(shape); };
    if (make() == nullptr) {
      progress("no " + peer + " in this build");
      continue;
    }
    std::string file;
    if (!setup.keep.empty())
      file = setup.keep + "/" + peer + "_" + setup.set.key() + "_m" + std::to_string(shape.m) + "_efc" +
             std::to_string(shape.ef_construction);
    // FAISS takes several times as long: once is enough.
    const std::vector<std::size_t> threads = peer == "faiss" ? std::vector{setup.threads.back()} : setup.threads;
    entrants.push_back({.entry = {make()->name(), make, threads, file}});
  }
  return entrants;
}

class Measurement {
 public:
  explicit Measurement(const Setup& setup)
      : setup_(setup),
        title_(std::to_string(setup.set.count) + "x" + std::to_string(setup.set.dimension)),
        vectors_(clustered_vectors(setup.set, setup.threads.back())),
        truth_(kept_truth(setup.keep, setup.set.key(), vectors_.rows(), vectors_.queries, setup.set.dimension, kTop,
                          setup.threads.back())),
        entrants_(entrants_of(setup)) {}

  void build_all() {
    Table table("Building " + title_ + ", M " + std::to_string(setup_.params.hnsw.m) + ", ef_construction " +
                    std::to_string(setup_.params.hnsw.ef_construction),
                {"index", "threads", "wall_s", "cpu_s", "vectors/s", "recall_ef100", "kept"});
    for (Entrant& entrant : entrants_)
      for (const std::size_t threads : entrant.entry.threads) {
        entrant.contender = nullptr;
        Build took;
        entrant.contender = build(entrant.entry, vectors_.rows(), threads, took);
        const double found = recall_of(*entrant.contender, kBuildEf);
        entrant.builds.push_back(took);
        table.add({entrant.entry.name, std::to_string(threads), fixed(took.spent.wall_us / 1e6, 1),
                   fixed(took.spent.cpu_us / 1e6, 1),
                   fixed(static_cast<double>(vectors_.count) * 1e6 / took.spent.wall_us, 0), fixed(found, 4),
                   took.kept ? "kept" : ""});
      }
    publish(table, "build");
  }

  void memory() const {
    Table table("Memory of " + title_ + ", bytes a vector: what the index says by part, and what the process grew by",
                {"index", "vectors", "codes", "graph", "ids", "other", "total", "resident"});
    const auto each = [this](std::size_t bytes) {
      return fixed(static_cast<double>(bytes) / static_cast<double>(vectors_.count), 1);
    };
    for (const Entrant& entrant : entrants_) {
      const std::string resident = each(entrant.builds.back().resident_bytes);
      if (const auto bytes = entrant.contender->bytes())
        table.add({entrant.entry.name, each(bytes->vectors), each(bytes->codes), each(bytes->graph), each(bytes->ids),
                   each(bytes->other), each(bytes->total()), resident});
      else
        table.add({entrant.entry.name, "-", "-", "-", "-", "-", "-", resident});
    }
    publish(table, "memory");
  }

  void curves() {
    struct Cell {
      std::size_t entrant;
      std::size_t ef;  // its place in efs
    };
    std::vector<Cell> cells;  // by ef, so that neighbours are at equal moments
    for (Entrant& entrant : entrants_) find_recalls(entrant);
    for (std::size_t ef = 0; ef < setup_.efs.size(); ++ef)
      for (std::size_t i = 0; i < entrants_.size(); ++i)
        if (ef < entrants_[i].recalls.size()) cells.push_back({i, ef});
    progress("timing " + std::to_string(cells.size()) + " points in " + std::to_string(setup_.rounds) + " rounds");
    const Turns turns(cells.size(), setup_.rounds, [&](std::size_t who) {
      return time_per_query(*entrants_[cells[who].entrant].contender, questions(setup_.efs[cells[who].ef]));
    });

    Table table("Search of " + title_ + ": one thread, one query a call, k = 10, median of " +
                    std::to_string(setup_.rounds) + " rounds; qps by processor time",
                {"index", "ef", "recall", "qps", "cpu_us", "wall_us"});
    // entrant -> round -> curve
    std::vector<std::vector<std::vector<CurvePoint>>> rounds(entrants_.size(),
                                                             std::vector<std::vector<CurvePoint>>(setup_.rounds));
    for (std::size_t i = 0; i < entrants_.size(); ++i)
      for (std::size_t who = 0; who < cells.size(); ++who) {
        if (cells[who].entrant != i) continue;
        const double found = entrants_[i].recalls[cells[who].ef];
        const Elapsed us = turns.median_of(who);
        table.add({entrants_[i].entry.name, std::to_string(setup_.efs[cells[who].ef]), fixed(found, 4),
                   fixed(1e6 / us.cpu_us, 0), fixed(us.cpu_us, 1), fixed(us.wall_us, 1)});
        for (std::size_t round = 0; round < setup_.rounds; ++round)
          rounds[i][round].push_back({found, 1e6 / turns.of(who)[round].cpu_us});
      }
    publish(table, "curves");
    equal_ef();
    at_recall(rounds);
  }

 private:
  [[nodiscard]] Questions questions(std::size_t ef) const { return {vectors_.queries, vectors_.dimension, ef}; }

  [[nodiscard]] double recall_of(Contender& contender, std::size_t ef) const {
    return recall(truth_, answers_of(contender, questions(ef)), vectors_.rows(), vectors_.queries, vectors_.dimension);
  }

  void find_recalls(Entrant& entrant) const {
    for (const std::size_t ef : setup_.efs) {
      entrant.recalls.push_back(recall_of(*entrant.contender, ef));
      if (entrant.recalls.back() >= kEnoughRecall) break;
    }
  }

  void equal_ef() const {
    std::vector<std::string> columns{"ef"};
    for (const Entrant& entrant : entrants_) columns.push_back(entrant.entry.name);
    Table table("Recall of " + title_ + " at equal ef: how good the graphs (and codes) are", columns);
    for (std::size_t ef = 0; ef < setup_.efs.size(); ++ef) {
      std::vector<std::string> cells{std::to_string(setup_.efs[ef])};
      bool any = false;
      for (const Entrant& entrant : entrants_) {
        const bool there = ef < entrant.recalls.size();
        any = any || there;
        cells.push_back(there ? fixed(entrant.recalls[ef], 4) : "-");
      }
      if (any) table.add(cells);
    }
    publish(table, "equal_ef");
  }

  // The medians of the rounds' figures, and of the rounds' ratios to hnswlib.
  void at_recall(const std::vector<std::vector<std::vector<CurvePoint>>>& rounds) const {
    std::size_t peer = entrants_.size();
    for (std::size_t i = 0; i < entrants_.size(); ++i)
      if (entrants_[i].entry.name == "hnswlib_hnsw") peer = i;
    Table table("Queries a second of " + title_ + " at equal recall, interpolated",
                {"index", "qps_at_.95", "x_hnswlib_.95", "qps_at_.99", "x_hnswlib_.99"});
    for (std::size_t i = 0; i < entrants_.size(); ++i) {
      std::vector<std::string> cells{entrants_[i].entry.name};
      for (const double wanted : {0.95, 0.99}) {
        std::vector<double> qps;
        std::vector<double> ratios;
        for (std::size_t round = 0; round < setup_.rounds; ++round) {
          qps.push_back(qps_at(rounds[i][round], wanted));
          ratios.push_back(peer == entrants_.size() ? std::numeric_limits<double>::quiet_NaN()
                                                    : qps.back() / qps_at(rounds[peer][round], wanted));
        }
        cells.push_back((entrants_[i].recalls.front() > wanted ? ">=" : "") + fixed(median(qps), 0));
        cells.push_back(fixed(median(ratios), 2));
      }
      table.add(cells);
    }
    publish(table, "at_recall");
  }

  void publish(const Table& table, const std::string& what) const {
    table.publish(setup_.out, "graph_" + title_ + "_" + what);
  }

  const Setup& setup_;
  std::string title_;
  VectorSet vectors_;
  Truth truth_;
  std::vector<Entrant> entrants_;
};

Setup setup_of(int argc, char** argv) {
  Options options(argc, argv, "Graph indexes beside each other: recall, speed, build time, memory.");
  Setup setup;
  setup.set.count = options.number("count", 20'000, "vectors");
  setup.set.dimension = options.number("dimension", 384, "numbers a vector");
  setup.set.queries = options.number("queries", setup.set.queries, "queries");
  setup.ours = split(options.text("ours", "none:f32", "ours, each QUANTIZATION:RERANK"), ',');
  setup.peers = split(options.text("peers", "hnswlib,faiss", "peers to build beside; none: 'no'"), ',');
  setup.params.dimension = setup.set.dimension;
  const std::string algorithm = options.text("algorithm", "hnsw", "of ours: hnsw, flat or auto");
  setup.params.hnsw.m = options.number("m", 16, "links a node makes");
  setup.params.hnsw.ef_construction = options.number("ef-construction", 200, "candidates for them");
  setup.efs = options.numbers("ef", "10,16,24,32,48,64,96,128,192,256,384,512,768,1024", "candidates of a search");
  setup.threads = options.numbers("threads", "1,2", "that build; the last one's graphs are searched");
  setup.rounds = options.number("rounds", 5, "the median of so many counts");
  setup.out = options.text("out", "", "folder for CSV files");
  setup.keep = options.text("keep", "", "folder for the truth and the peers' graphs, for the next run");
  options.finish();
  if (setup.peers == std::vector<std::string>{"no"}) setup.peers.clear();
  const auto parsed = core::parse_algorithm(algorithm);
  if (!parsed) stop(EX_USAGE, "--algorithm is hnsw, flat or auto, not '" + algorithm + "'");
  setup.params.algorithm = *parsed;
  return setup;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  const semroute::bench::Setup setup = semroute::bench::setup_of(argc, argv);
  semroute::bench::Measurement measurement(setup);
  measurement.build_all();
  measurement.memory();
  measurement.curves();
}
