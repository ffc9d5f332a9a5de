// bench_quantization: what each quantization and rerank costs and brings, walking a graph and scanning, over clustered
// vectors. bench/README.md says how to read it.
#include <memory>
#include <string>
#include <vector>

#include "bench/core/ask.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/memory.h"
#include "bench/support/program.h"
#include "bench/support/table.h"

namespace semroute::bench {
namespace {

constexpr std::string_view kWords =
    "none:f32,none:f16,none:none,f16:f32,f16:f16,f16:none,int8:f32,int8:f16,int8:none,pq:f32,pq:f16,pq:none,"
    "binary:f32,binary:f16,binary:none";

struct Found {
  double recall = 0.0;
  Elapsed per_query;
  double build_s = 0.0;
  double bytes = 0.0;     // a vector, by the index's own account
  double resident = 0.0;  // a vector, that the process grew by
};

Found measure(const core::IndexParams& params, const VectorSet& vectors, const Truth& truth, std::size_t threads,
              std::size_t rounds) {
  const auto count = static_cast<double>(vectors.count);
  Found found;
  const std::size_t before = resident_bytes();
  const std::unique_ptr<Contender> index = our_index(params);
  const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
  index->build(vectors.rows(), threads);
  found.build_s = watch.elapsed().wall_us / 1e6;
  found.resident = (static_cast<double>(resident_bytes()) - static_cast<double>(before)) / count;
  found.bytes = static_cast<double>(index->bytes()->total()) / count;
  const Questions questions{vectors.queries, vectors.dimension};
  found.recall = recall(truth, answers_of(*index, questions), vectors.rows(), vectors.queries, vectors.dimension);
  std::vector<double> cpu_us;
  for (std::size_t round = 0; round < rounds; ++round) cpu_us.push_back(time_per_query(*index, questions).cpu_us);
  found.per_query.cpu_us = median(cpu_us);
  return found;
}

void run(const std::vector<std::string>& words, const VectorSet& vectors, const Truth& truth, std::size_t threads,
         std::size_t rounds, const std::string& out) {
  core::IndexParams params = params_of(vectors.dimension);
  const std::string title = std::to_string(vectors.count) + "x" + std::to_string(vectors.dimension);
  Table table("Quantization and rerank over " + title + ", cosine, k = 10, ef_search " +
                  std::to_string(params.hnsw.ef_search) + ", built with " + std::to_string(threads) +
                  " threads, processor time of a search, median of " + std::to_string(rounds) + " rounds",
              {"quantization", "rerank", "graph_recall", "graph_us", "graph_bytes", "graph_resident", "graph_build_s",
               "flat_recall", "flat_us", "flat_bytes", "flat_build_s"});
  for (const std::string& word : words) {
    params = our_params(word, params);
    std::vector<std::string> cells{std::string(to_string(params.quantization)), std::string(to_string(params.rerank))};
    if (const auto checked = core::check_params(params); !checked.ok()) {
      progress(word + " is refused: " + checked.error().message);
      continue;
    }
    progress(word);
    params.algorithm = core::Algorithm::hnsw;
    const Found graph = measure(params, vectors, truth, threads, rounds);
    params.algorithm = core::Algorithm::flat;
    const Found flat = measure(params, vectors, truth, threads, rounds);
    table.add({cells[0], cells[1], fixed(graph.recall, 4), fixed(graph.per_query.cpu_us, 1), fixed(graph.bytes, 0),
               fixed(graph.resident, 0), fixed(graph.build_s, 2), fixed(flat.recall, 4),
               fixed(flat.per_query.cpu_us, 1), fixed(flat.bytes, 0), fixed(flat.build_s, 2)});
  }
  table.publish(out, "quantization");
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Recall, speed, memory and build time of every quantization and rerank.");
  ClusteredSet set;
  set.count = options.number("count", 50'000, "vectors");
  set.dimension = options.number("dimension", 384, "numbers a vector");
  set.queries = options.number("queries", 500, "queries");
  const std::vector<std::string> words = split(options.text("indexes", kWords, "QUANTIZATION:RERANK, some"), ',');
  const std::size_t threads = options.number("threads", 2, "that build");
  const std::size_t rounds = options.number("rounds", 5, "the median of so many counts");
  const std::string keep = options.text("keep", "", "folder for the truth, for the next run");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  const VectorSet vectors = clustered_vectors(set, threads);
  const Truth truth = kept_truth(keep, set.key(), vectors.rows(), vectors.queries, set.dimension, kTop, threads);
  run(words, vectors, truth, threads, rounds, out);
}
