// Deciding through the index against scoring every reference, over random large tables: the same to the bit, for every
// aggregation, metric and kind of codes, with copies that tie, negatives, filters, margins, thresholds and defaults.
#include "router/decide/nearest_routes.h"

#include <gtest/gtest.h>

#include <set>

#include "core/index/vector_rules.h"
#include "router/decide/route_scores.h"
#include "tests/router/decide/random_tables.h"
#include "tests/support/sanitizer.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;
using test::RandomTables;

constexpr double kTie = 1e-5;

std::vector<std::size_t> candidates(const RoutingState& state, const Filter* filter) {
  std::vector<std::size_t> positions;
  for (const std::size_t position : state.table.referenced())
    if (filter == nullptr || passes(*filter, state.table.routes()[position])) positions.push_back(position);
  return positions;
}

void expect_same(const RouteScore& a, const RouteScore& b, const std::string& what) {
  EXPECT_EQ(a.route, b.route) << what;
  EXPECT_EQ(a.score, b.score) << what;
  EXPECT_EQ(a.threshold, b.threshold) << what;
  EXPECT_EQ(a.passed, b.passed) << what;
  EXPECT_EQ(a.vetoed, b.vetoed) << what;
}

void expect_same(const Decision& a, const Decision& b, const std::string& what) {
  EXPECT_EQ(a.kind, b.kind) << what;
  EXPECT_EQ(a.reason, b.reason) << what;
  EXPECT_EQ(a.route, b.route) << what;
  EXPECT_EQ(a.score, b.score) << what;
  ASSERT_TRUE(a.best && b.best) << what;
  expect_same(*a.best, *b.best, what + ", best");
  ASSERT_EQ(a.runner_up.has_value(), b.runner_up.has_value()) << what;
  if (a.runner_up) expect_same(*a.runner_up, *b.runner_up, what + ", runner-up");
  ASSERT_EQ(a.matches.size(), b.matches.size()) << what;
  for (std::size_t i = 0; i < a.matches.size(); ++i)
    expect_same(a.matches[i], b.matches[i], what + ", match " + std::to_string(i));
}

struct Codes {
  core::Quantization quantization;
  core::Rerank rerank;
};
constexpr Codes kCodes[] = {{core::Quantization::none, core::Rerank::f32},
                            {core::Quantization::int8, core::Rerank::f32},
                            {core::Quantization::f16, core::Rerank::f32},
                            {core::Quantization::f16, core::Rerank::f16},
                            {core::Quantization::int8, core::Rerank::none}};

// One table by both ways; counts how often the index sufficed.
class BothWays {
 public:
  explicit BothWays(const RoutingState& state) : state_(state) {}

  void decide(const DecideRequest& request, const std::string& what) {
    const std::vector<std::size_t> positions = candidates(state_, request.filter);
    if (positions.empty()) return;
    scratch_.candidates.clear();
    ++asked;
    if (!find_nearest_routes(state_, request, positions, scratch_)) {
      EXPECT_TRUE(scratch_.candidates.empty()) << what;
      return;
    }
    ++found;
    EXPECT_TRUE(std::ranges::all_of(scratch_.places, [](std::uint32_t place) { return place == 0; })) << what;
    fewer += scratch_.candidates.size() < positions.size() ? 1U : 0U;
    rank_candidates(state_, request, scratch_, through_index_);
    scratch_.candidates.clear();
    score_routes(state_, request.embedding, positions, scratch_);
    rank_candidates(state_, request, scratch_, everything_);
    expect_same(through_index_, everything_, what);
    reasons.insert(everything_.reason);
  }

  // By scoring everything.
  std::vector<RouteScore> best_three(DecideRequest request) {
    request.top_k = 3;
    scratch_.candidates.clear();
    score_routes(state_, request.embedding, candidates(state_, request.filter), scratch_);
    rank_candidates(state_, request, scratch_, everything_);
    return everything_.matches;
  }

  static inline std::size_t asked = 0;
  static inline std::size_t found = 0;
  static inline std::size_t fewer = 0;  // with fewer routes than there are
  static inline std::set<Reason> reasons = {};

 private:
  const RoutingState& state_;
  DecideScratch scratch_;
  Decision through_index_;
  Decision everything_;
};

class NearestRoutesProperty : public testing::TestWithParam<std::tuple<Aggregation, Metric>> {};

TEST_P(NearestRoutesProperty, DecideAsScoringEveryReference) {
  const auto [aggregation, metric] = GetParam();
  RandomTables random(7 + static_cast<std::uint64_t>(aggregation) * 10 + static_cast<std::uint64_t>(metric));
  BothWays::asked = BothWays::found = BothWays::fewer = 0;
  BothWays::reasons.clear();
  for (int table = 0; table < (SEMROUTE_SANITIZED ? 40 : 120); ++table) {
    config::Config config = random.large_table(aggregation, metric, random.chance(50));
    const Codes& codes = kCodes[random.below(std::size(kCodes))];
    config.index.algorithm = core::Algorithm::flat;
    config.index.quantization = codes.quantization;
    config.index.rerank = codes.rerank;
    const auto built = build_routing_state(config);
    ASSERT_TRUE(built.ok()) << built.error().message;
    BothWays both(**built);
    for (int query = 0; query < 12; ++query) {
      const std::vector<float> raw = random.query_near(config);
      std::vector<float> prepared(raw.size());
      ASSERT_TRUE(core::prepare_vector(metric, raw.size(), raw, prepared).ok());
      const Filter filter = random.large_filter(config);
      DecideRequest request;
      request.embedding = prepared;
      if (random.chance(30)) request.filter = &filter;
      // At times just what one of the best scores, or a little more, so that few reach it or none.
      const std::vector<RouteScore> best = both.best_three(request);
      if (!best.empty() && random.chance(40))
        request.score_threshold = double{best[random.below(best.size())].score} + (random.chance(40) ? 1e-3 : 0.0);
      for (const std::size_t top_k : {std::size_t{1}, std::size_t{2}, std::size_t{5}, config.routes.size()}) {
        request.top_k = top_k;
        both.decide(request, "table " + std::to_string(table) + " query " + std::to_string(query) + " top_k " +
                                 std::to_string(top_k));
      }
    }
  }
  if (aggregation == Aggregation::mean && !has_route_vector(aggregation, metric)) {
    EXPECT_GT(BothWays::found, 0U) << "by bounds, which need codes whose error is proven";
    return;
  }
  EXPECT_GT(BothWays::found, BothWays::asked / 4);
  EXPECT_GT(BothWays::fewer, BothWays::found / 4);
  for (const Reason reason : {Reason::below_threshold, Reason::negative, Reason::ambiguous, Reason::passed})
    EXPECT_TRUE(BothWays::reasons.contains(reason)) << to_string(reason);
}

// The rules in float64 once more. (Of many hundred routes there are always two whose scores all but tie, so `mean` and
// `centroid` are held to them in property_test.cpp only.)
class NearestRoutesRules : public NearestRoutesProperty {};

TEST_P(NearestRoutesRules, AgreeWithTheNaiveOnes) {
  const auto [aggregation, metric] = GetParam();
  RandomTables random(77 + static_cast<std::uint64_t>(aggregation) * 10 + static_cast<std::uint64_t>(metric));
  std::size_t compared = 0;
  DecideScratch scratch;
  Decision made;
  for (int table = 0; table < 40; ++table) {
    config::Config config = random.large_table(aggregation, metric, false);
    config.index.algorithm = core::Algorithm::flat;
    config.index.quantization = kCodes[random.below(3)].quantization;
    const auto built = build_routing_state(config);
    ASSERT_TRUE(built.ok()) << built.error().message;
    const RoutingState& state = **built;
    for (int query = 0; query < 4; ++query) {
      const std::vector<float> raw = random.query_near(config);
      std::vector<float> prepared(raw.size());
      ASSERT_TRUE(core::prepare_vector(metric, raw.size(), raw, prepared).ok());
      const Filter filter = random.large_filter(config);
      DecideRequest request;
      request.embedding = prepared;
      request.top_k = 3;
      if (random.chance(30)) request.filter = &filter;
      const test::NaiveDecision naive = test::NaiveDecider(config).decide(raw, request.filter, std::nullopt);
      if (naive.nearest_tie < kTie) continue;
      decide(state, request, scratch, made);
      const std::string what = "table " + std::to_string(table) + " query " + std::to_string(query);
      EXPECT_EQ(made.kind, naive.kind) << what;
      EXPECT_EQ(made.reason, naive.reason) << what;
      EXPECT_EQ(test::served(state, made), naive.route) << what;
      ASSERT_EQ(made.matches.size(), std::min<std::size_t>(3, naive.ranked.size())) << what;
      for (std::size_t i = 0; i < made.matches.size(); ++i) {
        EXPECT_EQ(state.table.routes()[made.matches[i].route].name, naive.ranked[i].name) << what << " rank " << i;
        EXPECT_NEAR(double{made.matches[i].score}, naive.ranked[i].score,
                    1e-5 * std::max(1.0, std::fabs(naive.ranked[i].score)))
            << what << " rank " << i;
        EXPECT_EQ(made.matches[i].passed, naive.ranked[i].passed) << what << " rank " << i;
        EXPECT_EQ(made.matches[i].vetoed, naive.ranked[i].vetoed) << what << " rank " << i;
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 40U);
}

TEST(NearestRoutes, RequestsFetchedTogetherAreDecidedAsAlone) {
  RandomTables random(5);
  std::size_t together = 0;
  for (int table = 0; table < 60; ++table) {
    config::Config config = random.large_table(Aggregation::mean_top, Metric::cosine, true);
    config.index.algorithm = core::Algorithm::flat;
    const auto built = build_routing_state(config);
    ASSERT_TRUE(built.ok()) << built.error().message;
    const std::size_t dimension = config.index.dimension;
    std::vector<float> embeddings;
    for (int query = 0; query < 20; ++query) {
      std::vector<float> raw = random.query_near(config);
      ASSERT_TRUE(core::prepare_vector(Metric::cosine, dimension, raw, raw).ok());
      embeddings.insert(embeddings.end(), raw.begin(), raw.end());
    }
    FetchedBatch batch;
    DecideScratch scratch;
    Decision alone;
    Decision with_others;
    for (const std::size_t top_k : {std::size_t{1}, std::size_t{3}, std::size_t{1'000}}) {
      DecideRequest request;
      request.top_k = top_k;
      fetch_together(**built, request, embeddings, batch);
      if (top_k == 1'000) {
        EXPECT_EQ(batch.k, 0U) << "all routes are asked for: everything is scored";
      }
      together += batch.k > 0 ? 1U : 0U;
      for (std::size_t i = 0; i < 20; ++i) {
        request.embedding = std::span(embeddings).subspan(i * dimension, dimension);
        request.fetched = {};
        decide(**built, request, scratch, alone);
        request.fetched = batch.of(i);
        EXPECT_EQ(request.fetched.size(), batch.k);
        decide(**built, request, scratch, with_others);
        expect_same(with_others, alone, "table " + std::to_string(table) + " query " + std::to_string(i));
      }
    }
    Filter filter = random.large_filter(config);
    DecideRequest filtered;
    filtered.filter = &filter;
    fetch_together(**built, filtered, embeddings, batch);
    EXPECT_EQ(batch.k, 0U);
    EXPECT_TRUE(batch.of(3).empty());
  }
  EXPECT_GT(together, 20U);
}

// What was not fetched scores below nothing, and a sum of few such scores is more than one of many.
TEST(NearestRoutes, SumsOfScoresBelowNothingAreBoundedByTheFewest) {
  config::DecisionConfig rules = test::max_at(-5.0);
  rules.aggregation = Aggregation::sum_top;
  rules.top_m = 3;
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 600; ++i)
    routes.push_back({"route" + std::to_string(i), std::vector<float>(3, -0.1F - 1e-5F * static_cast<float>(i))});
  routes.push_back({"single", {-0.2F}});
  const auto state = test::state_of(routes, rules);
  EXPECT_EQ(test::served(*state, test::decide_one(*state)), "single");
}

std::string name_of(const testing::TestParamInfo<std::tuple<Aggregation, Metric>>& test_info) {
  return std::string(config::to_string(std::get<0>(test_info.param))) + "_" +
         std::string(core::to_string(std::get<1>(test_info.param)));
}

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

INSTANTIATE_TEST_SUITE_P(All, NearestRoutesProperty,
                         testing::Combine(testing::Values(Aggregation::max, Aggregation::mean_top, Aggregation::sum_top,
                                                          Aggregation::mean, Aggregation::centroid),
                                          testing::ValuesIn(kMetrics)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, NearestRoutesRules,
                         testing::Combine(testing::Values(Aggregation::max, Aggregation::mean_top,
                                                          Aggregation::sum_top),
                                          testing::ValuesIn(kMetrics)),
                         name_of);

}  // namespace
}  // namespace semroute::router
