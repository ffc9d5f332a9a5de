// bench_filter: searches that may return only some ids, beside a plain scan of just those rows. bench/README.md says
// how to read it.
#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "bench/core/ask.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/turns.h"
#include "core/base/check.h"
#include "core/index/top_k.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr double kRecallTarget = 0.95;
constexpr double kTimeTarget = 1.2;  // of the scan's
constexpr std::size_t kPerMille[] = {500, 100, 10, 1};

// Our index, asked with a filter.
class Filtered final : public Contender {
 public:
  Filtered(const core::Index& index, const core::IdSet& passing) : index_(index), passing_(passing) {}
  [[nodiscard]] std::string name() const override { return "ours"; }
  void build(std::span<const float> /*rows*/, std::size_t /*threads*/) override {}
  std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint64_t* ids) override {
    hits_.resize(k);
    const std::size_t found =
        index_.search({query, index_.params().dimension}, k, hits_, {.ef_search = ef, .filter = &passing_});
    for (std::size_t i = 0; i < found; ++i) ids[i] = hits_[i].id;
    return found;
  }

 private:
  const core::Index& index_;
  const core::IdSet& passing_;
  std::vector<core::Hit> hits_;
};

// What one would write without an index: the ids of the filter, and the float32 kernel over their rows, which lie in
// their places among all rows.
class PassingScan final : public Contender {
 public:
  PassingScan(const VectorSet& vectors, const core::IdSet& passing) : vectors_(vectors), passing_(passing) {}
  [[nodiscard]] std::string name() const override { return "scan"; }
  void build(std::span<const float> /*rows*/, std::size_t /*threads*/) override {}
  std::size_t search(const float* query, std::size_t k, std::size_t /*ef*/, std::uint64_t* ids) override {
    hits_.resize(k);
    core::TopK best(hits_);
    std::uint32_t slots[kBlockRows];
    float scores[kBlockRows];
    std::size_t waiting = 0;
    const auto score_waiting = [&] {
      core::active_kernels().f32_dot.gather(query, vectors_.row(0), vectors_.dimension, slots, waiting,
                                            vectors_.dimension, scores);
      for (std::size_t i = 0; i < waiting; ++i) best.offer({slots[i], scores[i]});
      waiting = 0;
    };
    for (const core::ReferenceId id : passing_) {
      slots[waiting++] = static_cast<std::uint32_t>(id);
      if (waiting == kBlockRows) score_waiting();
    }
    score_waiting();
    const std::size_t found = best.finish();
    for (std::size_t i = 0; i < found; ++i) ids[i] = hits_[i].id;
    return found;
  }

 private:
  static constexpr std::size_t kBlockRows = 256;  // whose scores stay in L1
  const VectorSet& vectors_;
  const core::IdSet& passing_;
  std::vector<core::Hit> hits_;
};

std::vector<float> gathered(const VectorSet& vectors, const std::vector<std::uint64_t>& ids) {
  std::vector<float> rows(ids.size() * vectors.dimension);
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::memcpy(&rows[i * vectors.dimension], vectors.row(ids[i]), vectors.dimension * sizeof(float));
  return rows;
}

bool run(const core::Index& index, const VectorSet& vectors, std::size_t threads, std::size_t rounds,
         const std::string& out) {
  const std::string title = std::to_string(vectors.count) + "x" + std::to_string(vectors.dimension);
  Table table("Filters over " + title + ", " + std::string(to_string(index.params().algorithm)) + " " +
                  std::string(to_string(index.params().quantization)) + ", ef_search " +
                  std::to_string(index.params().hnsw.ef_search) + ", k = 10, processor time, median of " +
                  std::to_string(rounds) + " rounds; recall at least 0.95, time at most 1.2 of the scan",
              {"passing_percent", "passing", "recall", "ours_us", "scan_us", "ours/scan", "verdict"});
  bool good = true;
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> order(vectors.count);
  std::iota(order.begin(), order.end(), 0U);
  for (const std::size_t per_mille : kPerMille) {
    std::shuffle(order.begin(), order.end(), random);
    const std::size_t size = std::max<std::size_t>(1, vectors.count * per_mille / 1'000);
    std::vector<std::uint64_t> ids(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
    std::sort(ids.begin(), ids.end());
    core::IdSet passing({.first = 0, .count = vectors.count});
    for (const std::uint64_t id : ids) passing.add(id);

    Filtered ours(index, passing);
    PassingScan scan(vectors, passing);
    Contender* const both[] = {&ours, &scan};
    const Questions questions{vectors.queries, vectors.dimension};
    const Truth truth = exact_truth(gathered(vectors, ids), vectors.queries, vectors.dimension, kTop, threads);
    const auto recall_of = [&](Contender& contender) {
      return recall(truth, answers_of(contender, questions), vectors.rows(), vectors.queries, vectors.dimension,
                    [&passing](std::uint64_t id) { return passing.contains(id); });
    };
    SEMROUTE_CHECK(recall_of(scan) == 1.0);
    const double found = recall_of(ours);
    const std::size_t passes[] = {passes_in_a_turn(ours, questions), passes_in_a_turn(scan, questions)};
    const Turns turns(2, rounds, [&](std::size_t who) { return time_per_query(*both[who], questions, passes[who]); });
    const double ratio = turns.median_ratio(0, 1);
    std::string missed;
    if (found < kRecallTarget) missed += " recall";
    if (ratio > kTimeTarget) missed += " time";
    good = good && missed.empty();
    table.add({fixed(static_cast<double>(per_mille) / 10.0, 1), std::to_string(size), fixed(found, 4),
               fixed(turns.median_of(0).cpu_us, 1), fixed(turns.median_of(1).cpu_us, 1), fixed(ratio, 2),
               missed.empty() ? "met" : "MISSED" + missed});
  }
  table.publish(out, "filter");
  return good;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Searches under filters beside a scan of what passes. Exit code 1: a target missed.");
  ClusteredSet set;
  set.count = options.number("count", 200'000, "vectors");
  set.dimension = options.number("dimension", 384, "numbers a vector");
  set.queries = options.number("queries", 200, "queries");
  const std::string word = options.text("index", "none:f32", "QUANTIZATION:RERANK of the index");
  const std::size_t threads = options.number("threads", 2, "that build");
  const std::size_t rounds = options.number("rounds", 5, "the median of so many counts");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  const VectorSet vectors = clustered_vectors(set, threads);
  const semroute::core::IndexParams params =
      our_params(word, params_of(set.dimension, semroute::core::Algorithm::hnsw));
  progress("building");
  const auto index = built_index(params, vectors.rows(), threads);
  return run(*index, vectors, threads, rounds, out) ? 0 : 1;
}
