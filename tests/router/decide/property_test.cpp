// decide() against the naive float64 rules over random tables: every aggregation, metric, filter, negatives,
// margins, thresholds and defaults. Decisions may differ only where float64 itself is within 1e-5 of a tie.
#include <gtest/gtest.h>

#include <set>

#include "core/index/vector_rules.h"
#include "router/decide/decide.h"
#include "tests/router/decide/naive_decision.h"
#include "tests/router/decide/random_tables.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;
using test::RandomTables;

constexpr double kTie = 1e-5;

class DecideProperty : public testing::TestWithParam<std::tuple<Aggregation, Metric>> {};

TEST_P(DecideProperty, AgreesWithTheNaiveRules) {
  const auto [aggregation, metric] = GetParam();
  RandomTables random(1 + static_cast<std::uint64_t>(aggregation) * 10 + static_cast<std::uint64_t>(metric));
  std::set<std::pair<DecisionKind, Reason>> seen;
  std::size_t compared = 0;
  DecideScratch scratch;
  Decision made;
  Decision plain;
  for (int table = 0; table < 600; ++table) {
    const config::Config config = random.table(aggregation, metric);
    const auto built = build_routing_state(config);
    ASSERT_TRUE(built.ok()) << built.error().message;
    const RoutingState& state = **built;
    for (int query = 0; query < 8; ++query) {
      const std::vector<float> raw = random.vectors(1, config.index.dimension);
      std::vector<float> prepared(raw.size());
      ASSERT_TRUE(core::prepare_vector(metric, raw.size(), raw, prepared).ok());
      const Filter filter = random.filter();
      DecideRequest request;
      request.embedding = prepared;
      request.top_k = 100;
      if (random.chance(50)) request.filter = &filter;
      if (random.chance(20)) request.score_threshold = random.threshold(metric);

      const test::NaiveDecision naive = test::NaiveDecider(config).decide(raw, request.filter, request.score_threshold);
      if (naive.nearest_tie < kTie) continue;
      decide(state, request, scratch, made);
      test::expect_agrees(state, made, naive, "table " + std::to_string(table) + " query " + std::to_string(query));

      // Asked for the best only, nothing is sorted; the decision is the same.
      request.top_k = 1;
      decide(state, request, scratch, plain);
      EXPECT_EQ(plain.kind, made.kind);
      EXPECT_EQ(plain.reason, made.reason);
      EXPECT_EQ(plain.route, made.route);
      EXPECT_EQ(plain.score, made.score);
      EXPECT_EQ(plain.runner_up.has_value(), naive.ranked.size() > 1);
      if (plain.runner_up) {
        EXPECT_EQ(plain.runner_up->route, made.matches[1].route);
      }
      seen.emplace(made.kind, made.reason);
      ++compared;
    }
  }
  EXPECT_GT(compared, 4'000U);
  for (const Reason reason :
       {Reason::below_threshold, Reason::negative, Reason::ambiguous, Reason::filtered, Reason::empty}) {
    EXPECT_TRUE(seen.contains({DecisionKind::no_match, reason})) << to_string(reason);
    EXPECT_TRUE(seen.contains({DecisionKind::fallback, reason})) << to_string(reason);
  }
  EXPECT_TRUE(seen.contains({DecisionKind::matched, Reason::passed}));
}

INSTANTIATE_TEST_SUITE_P(All, DecideProperty,
                         testing::Combine(testing::Values(Aggregation::max, Aggregation::mean_top, Aggregation::sum_top,
                                                          Aggregation::mean, Aggregation::centroid),
                                          testing::Values(Metric::cosine, Metric::dot, Metric::euclidean,
                                                          Metric::manhattan)),
                         [](const auto& test_info) {
                           return std::string(config::to_string(std::get<0>(test_info.param))) + "_" +
                                  std::string(core::to_string(std::get<1>(test_info.param)));
                         });

TEST(DecideDeterminism, TheOrderOfRoutesInTheFileAndAUsedScratchChangeNothing) {
  RandomTables random(99);
  config::Config config = random.table(Aggregation::mean_top, Metric::cosine);
  while (config.routes.size() < 6) config = random.table(Aggregation::mean_top, Metric::cosine);
  const auto first = build_routing_state(config);
  std::reverse(config.routes.begin(), config.routes.end());
  const auto second = build_routing_state(config);
  ASSERT_TRUE(first.ok() && second.ok());
  DecideScratch used;
  for (int query = 0; query < 50; ++query) {
    const std::vector<float> raw = random.vectors(1, config.index.dimension);
    std::vector<float> prepared(raw.size());
    ASSERT_TRUE(core::prepare_vector(Metric::cosine, raw.size(), raw, prepared).ok());
    DecideRequest request;
    request.embedding = prepared;
    request.top_k = 100;
    Decision a;
    Decision b;
    decide(**first, request, used, a);
    DecideScratch fresh;
    decide(**second, request, fresh, b);
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.route, b.route);
    EXPECT_EQ(a.score, b.score);
    ASSERT_EQ(a.matches.size(), b.matches.size());
    for (std::size_t i = 0; i < a.matches.size(); ++i) {
      EXPECT_EQ(a.matches[i].route, b.matches[i].route);
      EXPECT_EQ(a.matches[i].score, b.matches[i].score);
    }
  }
}

TEST(DecideDeterminism, IdenticalReferencesByTheThousandTieTheSameWayEveryTime) {
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 1'000; ++i) routes.push_back({"route" + std::to_string(i), {0.3F, 0.4F, 0.3F, 0.4F}});
  const auto state = test::state_of(routes, test::max_at(0.0), Metric::cosine, 2);
  const std::vector<float> query{0.6F, 0.8F};
  for (const std::size_t top_k : {1U, 3U, 1'000U}) {
    DecideRequest request;
    request.embedding = query;
    request.top_k = top_k;
    const Decision decision = test::decide_one(*state, request);
    EXPECT_EQ(test::served(*state, decision), "route0");
    for (std::size_t i = 0; i < decision.matches.size(); ++i) EXPECT_EQ(decision.matches[i].route, i);
  }
}

}  // namespace
}  // namespace semroute::router
