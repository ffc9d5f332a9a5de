// bench_flat: exact search over few references, k = 10, one thread, one query a call, cosine over unit vectors, beside
// FAISS, hnswlib and a scan in plain C++ in the same run; and how fast references are inserted.
// bench/README.md says how to read it.
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "bench/core/ask.h"
#include "bench/core/contender.h"
#include "bench/core/our_params.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/turns.h"
#include "bench/support/vectors.h"
#include "core/base/check.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kQueries = 64;
constexpr std::size_t kPeerEf = 100;  // of hnswlib's graph, which is built with M 16
constexpr double kInsertTarget = 500'000.0;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Size {
  std::size_t count;
  std::size_t dimension;
  double target;  // at most this share of FAISS's time
};
constexpr Size kSizes[] = {{50, 128, 0.6}, {100, 128, 0.6}, {500, 256, 0.5}, {1000, 384, 0.35}, {2000, 384, 0.35}};

struct Measured {
  std::string name;
  Elapsed per_query;
  double recall = kNone;
  double inserts_per_s = kNone;  // one a call
  double batch_inserts_per_s = kNone;
  double to_ours = kNone;  // ours / this one, the median of the rounds' ratios
};

double per_second(double us, std::size_t count) { return static_cast<double>(count) * 1e6 / us; }

// insert(index) adds all of the vectors to a fresh index each round, which is made before its clock starts.
template <class Insert>
double our_inserts_per_s(const Size& size, std::size_t rounds, const Insert& insert) {
  std::vector<double> us;
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto index = core::Index::create(params_of(size.dimension));
    SEMROUTE_CHECK(index.ok());
    const Stopwatch watch;
    insert(**index);
    us.push_back(watch.elapsed_us());
  }
  return per_second(median(us), size.count);
}

double single_inserts_per_s(const Size& size, const std::vector<float>& vectors, std::size_t rounds) {
  return our_inserts_per_s(size, rounds, [&](core::Index& index) {
    for (std::size_t row = 0; row < size.count; ++row)
      SEMROUTE_CHECK(index.insert(row, std::span(vectors).subspan(row * size.dimension, size.dimension)).ok());
  });
}

double batch_inserts_per_s(const Size& size, const std::vector<float>& vectors, std::size_t rounds) {
  std::vector<core::ReferenceId> ids(size.count);
  std::iota(ids.begin(), ids.end(), 0U);
  return our_inserts_per_s(size, rounds, [&](core::Index& index) { SEMROUTE_CHECK(index.insert(ids, vectors).ok()); });
}

double graph_inserts_per_s(const Size& size, const std::vector<float>& vectors, std::size_t rounds) {
  std::vector<double> us;
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto graph = hnswlib_graph({.dimension = size.dimension, .capacity = size.count});
    if (!graph) return kNone;
    const Stopwatch watch;
    graph->build(vectors, 1);
    us.push_back(watch.elapsed_us());
  }
  return per_second(median(us), size.count);
}

std::vector<Measured> measure(const Size& size, std::size_t rounds) {
  const std::vector<float> vectors = unit_vectors(size.count, size.dimension, 7);
  const std::vector<float> queries = unit_vectors(kQueries, size.dimension, 8);
  const Truth truth = exact_truth(vectors, queries, size.dimension, kTop, 1);

  std::vector<std::unique_ptr<Contender>> contenders;
  contenders.push_back(our_index(params_of(size.dimension)));
  contenders.push_back(native_scan(size.dimension));
  contenders.push_back(faiss_flat(size.dimension));
  contenders.push_back(hnswlib_flat(size.dimension, size.count));
  contenders.push_back(hnswlib_graph({.dimension = size.dimension, .capacity = size.count}));
  std::erase(contenders, nullptr);

  const Questions questions{queries, size.dimension, kPeerEf};
  std::vector<Measured> measured;
  std::vector<std::size_t> passes;
  for (const auto& contender : contenders) {
    contender->build(vectors, 1);
    passes.push_back(passes_in_a_turn(*contender, questions));
    measured.push_back({.name = contender->name(),
                        .per_query = {},
                        .recall = recall(truth, answers_of(*contender, questions), vectors, queries, size.dimension)});
  }
  const Turns turns(contenders.size(), rounds,
                    [&](std::size_t who) { return time_per_query(*contenders[who], questions, passes[who]); });
  for (std::size_t who = 0; who < measured.size(); ++who) {
    measured[who].per_query = turns.median_of(who);
    measured[who].to_ours = turns.median_ratio(0, who);
  }
  measured.front().name = "ours";
  measured.front().inserts_per_s = single_inserts_per_s(size, vectors, rounds);
  measured.front().batch_inserts_per_s = batch_inserts_per_s(size, vectors, rounds);
  if (measured.back().name == "hnswlib_hnsw")
    measured.back().inserts_per_s = graph_inserts_per_s(size, vectors, std::min<std::size_t>(rounds, 3));
  return measured;
}

Measured find(const std::vector<Measured>& all, const std::string& name) {
  for (const Measured& measured : all)
    if (measured.name == name) return measured;
  return {.name = name, .per_query = {kNone, kNone}};
}

std::string verdict(const Measured& ours, double to_faiss, double target) {
  std::string missed;
  if (ours.recall != 1.0) missed += " recall";
  if (to_faiss > target) missed += " time";
  if (ours.inserts_per_s < kInsertTarget) missed += " inserts";
  if (!missed.empty()) return "MISSED" + missed;
  return std::isnan(to_faiss) ? "no FAISS here" : "met";
}

int run(std::size_t rounds, const std::string& out) {
  const std::string isa(core::active_kernels().name);
  Table summary("Exact search, us per query: one thread, one query a call, k = 10, cosine, kernels " + isa +
                    ", processor time, median of " + std::to_string(rounds) + " rounds",
                {"n_x_d", "ours", "native", "faiss", "hnswlib", "graph", "graph_recall", "recall", "ours/native",
                 "ours/hnswlib", "ours/faiss", "at_most", "inserts/s", "batch/s", "graph/s", "verdict"});
  Table details("The same, all of it", {"n", "d", "index", "cpu_us", "wall_us", "qps", "recall", "ours_ratio",
                                        "inserts_per_s", "batch_inserts_per_s"});
  bool good = true;
  for (const Size& size : kSizes) {
    const std::vector<Measured> measured = measure(size, rounds);
    const Measured& ours = measured.front();
    const Measured graph = find(measured, "hnswlib_hnsw");
    const auto us = [&](const char* name) { return fixed(find(measured, name).per_query.cpu_us, 2); };
    const auto ratio = [&](const char* name) { return fixed(find(measured, name).to_ours, 2); };
    const std::string judged = verdict(ours, find(measured, "faiss_flat").to_ours, size.target);
    good = good && !judged.starts_with("MISSED");
    summary.add({std::to_string(size.count) + "x" + std::to_string(size.dimension), us("ours"), us("native_scan"),
                 us("faiss_flat"), us("hnswlib_flat"), us("hnswlib_hnsw"), fixed(graph.recall, 4),
                 fixed(ours.recall, 4), ratio("native_scan"), ratio("hnswlib_flat"), ratio("faiss_flat"),
                 fixed(size.target, 2), fixed(ours.inserts_per_s, 0), fixed(ours.batch_inserts_per_s, 0),
                 fixed(graph.inserts_per_s, 0), judged});
    for (const Measured& one : measured)
      details.add({std::to_string(size.count), std::to_string(size.dimension), one.name, fixed(one.per_query.cpu_us, 3),
                   fixed(one.per_query.wall_us, 3), fixed(1e6 / one.per_query.cpu_us, 0), fixed(one.recall, 4),
                   fixed(one.to_ours, 3), fixed(one.inserts_per_s, 0), fixed(one.batch_inserts_per_s, 0)});
  }
  summary.publish(out, "flat_summary");
  details.publish(out, "flat");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  semroute::bench::Options options(
      argc, argv,
      "Exact search over few references beside FAISS, hnswlib and a plain scan. Exit code 1: a target missed.");
  const std::size_t rounds = options.number("rounds", 31, "the median of so many counts");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  return semroute::bench::run(rounds, out);
}
