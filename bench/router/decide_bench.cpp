// bench_decide: microseconds for one decision on real utterances (CLINC150, 384 dimensions, 150 routes), through the
// index and with every reference scored, beside one exact scan of the same vectors by FAISS and hnswlib in the same
// run; and from how many references on the index pays. bench/README.md says how to read it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/router/scan_peers.h"
#include "bench/support/timing.h"
#include "config/vector_file.h"
#include "core/base/check.h"
#include "core/index/vector_rules.h"
#include "router/decide/decide.h"
#include "router/decide/nearest_routes.h"
#include "router/decide/route_scores.h"

namespace semroute::bench {
namespace {

using config::Aggregation;
using router::DecideRequest;
using router::DecideScratch;
using router::Decision;
using router::RoutingState;

constexpr std::size_t kDimension = 384;
constexpr std::size_t kQueries = 256;
constexpr std::size_t kPeerTop = 10;
constexpr double kTarget = 0.2;  // of the time of FAISS's scan, at most

struct Rows {
  std::vector<float> values;  // prepared
  std::vector<std::string> labels;

  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {&values[i * kDimension], kDimension}; }
};

Rows read_rows(const std::string& path) {
  auto vectors = config::read_vectors(path + ".d384.f16.npy", kDimension, core::Metric::cosine);
  auto labels = config::read_labels(path + ".jsonl");
  if (!vectors.ok() || !labels.ok()) {
    std::fprintf(stderr, "bench_decide: %s\n", (vectors.ok() ? labels.error() : vectors.error()).message.c_str());
    std::exit(65);
  }
  Rows rows{std::move(vectors.value().values), std::move(labels.value().labels)};
  for (std::size_t i = 0; i < rows.labels.size(); ++i) {
    const std::span<float> row(&rows.values[i * kDimension], kDimension);
    SEMROUTE_CHECK(core::prepare_vector(core::Metric::cosine, kDimension, row, row).ok());
  }
  return rows;
}

// The first `most` references of each label as a route.
std::shared_ptr<const RoutingState> state_of(const Rows& rows, std::size_t most, Aggregation aggregation,
                                             core::Algorithm algorithm, core::Quantization quantization) {
  config::Config config;
  config.index.dimension = kDimension;
  config.index.algorithm = algorithm;
  config.index.quantization = quantization;
  config.decision.aggregation = aggregation;
  std::map<std::string, std::vector<float>> by_label;
  for (std::size_t i = 0; i < rows.labels.size(); ++i) {
    std::vector<float>& values = by_label[rows.labels[i]];
    if (values.size() < most * kDimension) values.insert(values.end(), rows.row(i).begin(), rows.row(i).end());
  }
  for (auto& [label, values] : by_label) {
    config::RouteConfig route;
    route.name = label;
    route.references.values = std::move(values);
    config.routes.push_back(std::move(route));
  }
  auto state = router::build_routing_state(config, 2);
  SEMROUTE_CHECK(state.ok());
  state.value()->index->wait_for_graph();
  return state.value();
}

enum class Way { as_it_comes, everything, through_index };

class Decider {
 public:
  Decider(std::shared_ptr<const RoutingState> state, Way way) : state_(std::move(state)), way_(way) {}

  void operator()(std::span<const float> query) {
    DecideRequest request;
    request.embedding = query;
    if (way_ == Way::as_it_comes) {
      decide(*state_, request, scratch_, decision_);
    } else {
      scratch_.candidates.clear();
      const auto& positions = state_->table.referenced();
      const bool found = way_ == Way::through_index && find_nearest_routes(*state_, request, positions, scratch_);
      found_ += found ? 1U : 0U;
      ++asked_;
      if (!found) score_routes(*state_, query, positions, scratch_);
      rank_candidates(*state_, request, scratch_, decision_);
    }
    keep(decision_);
  }
  // The share of decisions that the index sufficed for.
  [[nodiscard]] double found_share() const { return static_cast<double>(found_) / static_cast<double>(asked_); }

 private:
  std::shared_ptr<const RoutingState> state_;
  Way way_;
  DecideScratch scratch_;
  Decision decision_;
  std::size_t found_ = 0;
  std::size_t asked_ = 0;
};

using Work = std::function<void(std::span<const float>)>;

// Microseconds per query for each, all taking turns in each round: the median of the rounds.
std::vector<double> measure(const std::vector<Work>& all, const Rows& queries, std::size_t rounds) {
  std::vector<std::vector<double>> taken(all.size());
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t who = (i + round) % all.size();
      const Stopwatch watch;
      for (std::size_t q = 0; q < kQueries; ++q) all[who](queries.row(q * queries.labels.size() / kQueries));
      taken[who].push_back(watch.elapsed_us() / static_cast<double>(kQueries));
    }
  std::vector<double> medians;
  for (const auto& rounds_of_one : taken) medians.push_back(median(rounds_of_one));
  return medians;
}

bool measure_decisions(const Rows& references, const Rows& queries, std::size_t rounds) {
  struct Kind {
    const char* name;
    core::Algorithm algorithm;
    core::Quantization quantization;
  };
  constexpr Kind kKinds[] = {{"flat none", core::Algorithm::flat, core::Quantization::none},
                             {"flat int8", core::Algorithm::flat, core::Quantization::int8},
                             {"hnsw none", core::Algorithm::hnsw, core::Quantization::none},
                             {"hnsw int8", core::Algorithm::hnsw, core::Quantization::int8}};
  const auto peers = scan_peers(references.values, kDimension);
  std::printf("one decision at %zu references, us; %s; median of %zu rounds of %zu requests\n",
              references.labels.size(), std::string(core::to_string(core::active_kernels().isa)).c_str(), rounds,
              kQueries);
  std::printf("%-12s  %10s", "aggregation", "everything");
  for (const Kind& kind : kKinds) std::printf("  %10s", kind.name);
  for (const auto& peer : peers) std::printf("  %10s", peer->name().c_str());
  std::printf("\n");
  bool good = true;
  for (const Aggregation aggregation :
       {Aggregation::mean_top, Aggregation::max, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    std::vector<Work> all;
    for (const Kind& kind : kKinds) {
      auto state = state_of(references, references.labels.size(), aggregation, kind.algorithm, kind.quantization);
      if (all.empty()) all.emplace_back(Decider(state, Way::everything));
      all.emplace_back(Decider(std::move(state), Way::as_it_comes));
    }
    for (const auto& peer : peers)
      all.emplace_back([&peer](std::span<const float> query) { peer->search(query.data(), kPeerTop); });
    const std::vector<double> us = measure(all, queries, rounds);
    std::printf("%-12s", std::string(config::to_string(aggregation)).c_str());
    for (const double one : us) std::printf("  %10.1f", one);
    std::printf("\n");
    if (aggregation == Aggregation::mean_top && !peers.empty() && peers[0]->name() == "faiss") {
      const double ratio = us[1] / us[1 + std::size(kKinds)];
      good = ratio <= kTarget;
      std::printf("  flat none / faiss %.3f, target %.2f: %s\n", ratio, kTarget, good ? "met" : "MISSED");
    }
  }
  return good;
}

void measure_where_the_index_pays(const Rows& references, const Rows& queries, std::size_t rounds) {
  std::printf("\nmean_top, flat: every reference scored, and through the index where it suffices (share)\n");
  std::printf("%10s  %10s  %10s  %6s\n", "references", "everything", "index", "share");
  for (const std::size_t each : {2U, 4U, 5U, 6U, 8U, 10U, 14U, 20U, 40U, 100U}) {
    const auto state =
        state_of(references, each, Aggregation::mean_top, core::Algorithm::flat, core::Quantization::none);
    Decider through_index(state, Way::through_index);
    const std::vector<double> us = measure({Decider(state, Way::everything), std::ref(through_index)}, queries, rounds);
    std::printf("%10zu  %10.1f  %10.1f  %6.3f\n", state->index->count(), us[0], us[1], through_index.found_share());
  }
}

int run(std::size_t rounds) {
  const char* given = std::getenv("SEMROUTE_TEST_DATA");
  const std::string folder = (given != nullptr ? std::string(given) : std::string("../shared/data")) + "/clinc150";
  if (!std::filesystem::exists(folder)) {
    std::fprintf(stderr, "bench_decide: no data in %s; set SEMROUTE_TEST_DATA to the folder that holds clinc150\n",
                 folder.c_str());
    return 69;
  }
  const Rows references = read_rows(folder + "/train");
  const Rows queries = read_rows(folder + "/test");
  const bool good = measure_decisions(references, queries, rounds);
  measure_where_the_index_pays(references, queries, rounds);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  std::size_t rounds = 9;
  if (argc == 3 && std::strcmp(argv[1], "--rounds") == 0 && std::atoi(argv[2]) > 0) {
    rounds = static_cast<std::size_t>(std::atoi(argv[2]));
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: bench_decide [--rounds N]\n");
    return 64;
  }
  return semroute::bench::run(rounds);
}
