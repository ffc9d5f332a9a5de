// bench_decide: microseconds for one decision on real utterances (CLINC150, 384 dimensions, 150 routes), through the
// index and with every reference scored, beside one exact scan of the same vectors by FAISS and hnswlib in the same
// run; and from how many references on the index pays. bench/README.md says how to read it.
#include <sysexits.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/core/contender.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/turns.h"
#include "config/vector_file.h"
#include "core/base/check.h"
#include "core/index/vector_rules.h"
#include "router/decide/decide.h"
#include "router/decide/nearest_routes.h"
#include "router/decide/route_scores.h"
#include "router/routes/table_writer.h"

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
  if (!vectors.ok()) stop(EX_DATAERR, vectors.error().message);
  if (!labels.ok()) stop(EX_DATAERR, labels.error().message);
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
  Decider(std::shared_ptr<const RoutingState> state, Way way, std::size_t top_k)
      : state_(std::move(state)), way_(way), top_k_(top_k) {}

  void operator()(std::span<const float> query) {
    DecideRequest request;
    request.embedding = query;
    request.top_k = top_k_;
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
  std::size_t top_k_;
  DecideScratch scratch_;
  Decision decision_;
  std::size_t found_ = 0;
  std::size_t asked_ = 0;
};

using Work = std::function<void(std::span<const float>)>;

// Each work over all queries a round, by turns.
Turns measure(const std::vector<Work>& all, const Rows& queries, std::size_t rounds) {
  return {all.size(), rounds, [&](std::size_t who) {
            const Stopwatch watch;
            for (std::size_t q = 0; q < kQueries; ++q) all[who](queries.row(q * queries.labels.size() / kQueries));
            return watch.elapsed() / static_cast<double>(kQueries);
          }};
}

struct Kind {
  const char* name;
  core::Algorithm algorithm;
  core::Quantization quantization;
};
constexpr Kind kKinds[] = {{"flat_none_us", core::Algorithm::flat, core::Quantization::none},
                           {"flat_int8_us", core::Algorithm::flat, core::Quantization::int8},
                           {"hnsw_none_us", core::Algorithm::hnsw, core::Quantization::none},
                           {"hnsw_int8_us", core::Algorithm::hnsw, core::Quantization::int8}};

std::vector<std::string> columns_of_kinds(std::string first) {
  std::vector<std::string> columns{std::move(first), "everything_us"};
  for (const Kind& kind : kKinds) columns.emplace_back(kind.name);
  return columns;
}

struct Asked {
  const Rows& references;
  const Rows& queries;
  std::size_t rounds;
  std::string out;
};

// Whether the target was met, or there was no FAISS to tell.
bool measure_decisions(const Asked& asked) {
  const std::size_t count = asked.references.labels.size();
  std::vector<std::unique_ptr<Contender>> peers;
  peers.push_back(faiss_flat(kDimension));
  peers.push_back(hnswlib_flat(kDimension, count));
  for (const auto& peer : peers)
    if (peer) peer->build(asked.references.values, 1);

  std::vector<std::string> columns = columns_of_kinds("aggregation");
  columns.insert(columns.end(), {"faiss_us", "hnswlib_us", "flat_none_to_faiss", "flat_none_to_hnswlib"});
  Table table("One decision at " + std::to_string(count) + " references, top_k 1, beside one scan of them by a peer",
              columns);
  bool good = true;
  for (const Aggregation aggregation :
       {Aggregation::mean_top, Aggregation::max, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    std::vector<Work> all;
    for (const Kind& kind : kKinds) {
      auto state = state_of(asked.references, count, aggregation, kind.algorithm, kind.quantization);
      if (all.empty()) all.emplace_back(Decider(state, Way::everything, 1));
      all.emplace_back(Decider(std::move(state), Way::as_it_comes, 1));
    }
    for (const auto& peer : peers) {
      if (!peer) continue;
      all.emplace_back([&peer](std::span<const float> query) {
        std::uint64_t ids[kPeerTop];
        peer->search(query.data(), kPeerTop, 0, ids);
        keep(ids);
      });
    }
    const Turns turns = measure(all, asked.queries, asked.rounds);
    std::vector<std::string> cells{std::string(config::to_string(aggregation))};
    std::size_t who = 0;
    for (; who <= std::size(kKinds); ++who) cells.push_back(fixed(turns.median_of(who).cpu_us, 1));
    std::vector<std::string> ratios;
    for (const auto& peer : peers) {
      cells.push_back(peer ? fixed(turns.median_of(who).cpu_us, 1) : "-");
      ratios.push_back(peer ? fixed(turns.median_ratio(1, who), 3) : "-");
      if (peer) ++who;
    }
    if (aggregation == Aggregation::mean_top && peers[0])
      good = turns.median_ratio(1, 1 + std::size(kKinds)) <= kTarget;
    cells.insert(cells.end(), ratios.begin(), ratios.end());
    table.add(std::move(cells));
  }
  table.publish(asked.out, "decide");
  return good;
}

void measure_top_k(const Asked& asked) {
  Table table("mean_top, by how many routes are asked for", columns_of_kinds("top_k"));
  for (const std::size_t top_k : {1U, 3U, 5U, 10U, 20U, 50U}) {
    std::vector<Work> all;
    for (const Kind& kind : kKinds) {
      auto state = state_of(asked.references, asked.references.labels.size(), Aggregation::mean_top, kind.algorithm,
                            kind.quantization);
      if (all.empty()) all.emplace_back(Decider(state, Way::everything, top_k));
      all.emplace_back(Decider(std::move(state), Way::as_it_comes, top_k));
    }
    const Turns turns = measure(all, asked.queries, asked.rounds);
    std::vector<std::string> cells{std::to_string(top_k)};
    for (std::size_t who = 0; who < all.size(); ++who) cells.push_back(fixed(turns.median_of(who).cpu_us, 1));
    table.add(std::move(cells));
  }
  table.publish(asked.out, "decide_top_k");
}

void measure_where_the_index_pays(const Asked& asked) {
  Table table("mean_top, flat: from how many references on the index pays, and the share of decisions it suffices for",
              {"references", "everything_us", "index_us", "share"});
  for (const std::size_t each : {2U, 3U, 4U, 5U, 6U, 8U, 10U, 14U, 20U, 40U, 50U, 60U, 100U}) {
    const auto state =
        state_of(asked.references, each, Aggregation::mean_top, core::Algorithm::flat, core::Quantization::none);
    Decider through_index(state, Way::through_index, 1);
    const Turns turns =
        measure({Decider(state, Way::everything, 1), std::ref(through_index)}, asked.queries, asked.rounds);
    table.add({std::to_string(state->index->count()), fixed(turns.median_of(0).cpu_us, 1),
               fixed(turns.median_of(1).cpu_us, 1), fixed(through_index.found_share(), 3)});
  }
  table.publish(asked.out, "decide_crossover");
}

// The queries of a round, fetched together in batches of `size`.
Elapsed decide_in_batches(const RoutingState& state, const Rows& queries, std::size_t size) {
  DecideScratch scratch;
  Decision decision;
  router::FetchedBatch batch;
  const Stopwatch watch;
  for (std::size_t first = 0; first < kQueries; first += size) {
    const std::size_t some = std::min(size, kQueries - first);
    DecideRequest request;
    if (size > 1) fetch_together(state, request, {queries.row(first).data(), some * kDimension}, batch);
    for (std::size_t i = 0; i < some; ++i) {
      request.embedding = queries.row(first + i);
      if (size > 1) request.fetched = batch.of(i);
      decide(state, request, scratch, decision);
      keep(decision);
    }
  }
  return watch.elapsed() / static_cast<double>(kQueries);
}

void measure_batches(const Asked& asked) {
  Table table("flat, decisions of a batch, by how many are fetched together", {"together", "max_us", "mean_top_us"});
  const auto state_with = [&](Aggregation aggregation) {
    return state_of(asked.references, asked.references.labels.size(), aggregation, core::Algorithm::flat,
                    core::Quantization::none);
  };
  const auto max = state_with(Aggregation::max);
  const auto mean_top = state_with(Aggregation::mean_top);
  constexpr std::size_t kSizes[] = {1, 8, 64};
  const Turns turns(2 * std::size(kSizes), asked.rounds, [&](std::size_t who) {
    return decide_in_batches(who % 2 == 0 ? *max : *mean_top, asked.queries, kSizes[who / 2]);
  });
  for (std::size_t i = 0; i < std::size(kSizes); ++i)
    table.add({std::to_string(kSizes[i]), fixed(turns.median_of(2 * i).cpu_us, 1),
               fixed(turns.median_of(2 * i + 1).cpu_us, 1)});
  table.publish(asked.out, "decide_batches");
}

int run(std::size_t rounds, std::string out) {
  const char* given = std::getenv("SEMROUTE_TEST_DATA");
  const std::string folder = (given != nullptr ? std::string(given) : std::string("../shared/data")) + "/clinc150";
  if (!std::filesystem::exists(folder))
    stop(EX_UNAVAILABLE, "no data in " + folder + "; set SEMROUTE_TEST_DATA to the folder that holds clinc150");
  const Rows references = read_rows(folder + "/train");
  const Rows queries = read_rows(folder + "/test");
  const Asked asked{references, queries, rounds, std::move(out)};
  const bool good = measure_decisions(asked);
  measure_top_k(asked);
  measure_batches(asked);
  measure_where_the_index_pays(asked);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  semroute::bench::Options options(argc, argv, "one decision on real utterances, beside a scan by FAISS and hnswlib");
  const std::size_t rounds = options.number("rounds", 9, "the median of so many counts");
  std::string out = options.text("out", "", "a folder for CSV files");
  options.finish();
  return semroute::bench::run(rounds, std::move(out));
}
