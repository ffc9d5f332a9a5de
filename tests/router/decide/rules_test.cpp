// One test or more for every sentence of "How it decides"; margin and default route are in default_route_test.cpp.
#include <gtest/gtest.h>

#include <limits>

#include "router/decide/decide.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;
using test::decide_one;
using test::max_at;
using test::served;
using test::state_of;

Filter only(std::vector<std::string> names) {
  Filter filter;
  filter.routes = std::move(names);
  return filter;
}

// --- scores ---

TEST(DecideScores, FollowTheMetric) {
  struct Case {
    Metric metric;
    float score;
  };
  const std::vector<float> query{0.6F, 0.8F};
  for (const Case& c : {Case{Metric::cosine, 0.6F}, Case{Metric::dot, 0.6F},
                        Case{Metric::euclidean, 1.0F / (1.0F + 0.894427191F)}, Case{Metric::manhattan, 1.0F / 2.2F}}) {
    const auto state = state_of({{"a", {1.0F, 0.0F}}}, max_at(0.0), c.metric, 2);
    DecideRequest request;
    request.embedding = query;
    EXPECT_NEAR(decide_one(*state, request).score.value(), c.score, 1e-6) << core::to_string(c.metric);
  }
}

TEST(DecideScores, CosineReferencesCountByDirectionOnly) {
  const auto state = state_of({{"a", {0.0F, 250.0F}}}, max_at(0.0), Metric::cosine, 2);
  const std::vector<float> query{0.6F, 0.8F};
  DecideRequest request;
  request.embedding = query;
  EXPECT_NEAR(decide_one(*state, request).score.value(), 0.8F, 1e-6);
}

// --- 1: candidates ---

TEST(DecideCandidates, NoRoutesAtAllIsEmpty) {
  const auto state = state_of({}, max_at(0.5));
  const Decision decision = decide_one(*state);
  EXPECT_EQ(decision.kind, DecisionKind::no_match);
  EXPECT_EQ(decision.reason, Reason::empty);
  EXPECT_FALSE(decision.route || decision.score || decision.best || decision.runner_up);
  EXPECT_TRUE(decision.matches.empty());
}

TEST(DecideCandidates, NoRouteWithReferencesIsEmptyEvenWithAFilter) {
  const auto state = state_of({{"a", {}}, {"b", {}, {1.0F}}}, max_at(0.5));
  const Filter filter = only({"nowhere"});
  DecideRequest request;
  EXPECT_EQ(decide_one(*state, request).reason, Reason::empty);
  request.filter = &filter;
  EXPECT_EQ(decide_one(*state, request).reason, Reason::empty);
}

TEST(DecideCandidates, NonePassingTheFilterIsFiltered) {
  const auto state = state_of({{"a", {0.9F}}, {"bare", {}}}, max_at(0.5));
  for (const char* name : {"nowhere", "bare"}) {
    const Filter filter = only({name});
    DecideRequest request;
    request.filter = &filter;
    const Decision decision = decide_one(*state, request);
    EXPECT_EQ(decision.kind, DecisionKind::no_match) << name;
    EXPECT_EQ(decision.reason, Reason::filtered) << name;
    EXPECT_TRUE(decision.matches.empty()) << name;
  }
}

TEST(DecideCandidates, OnlyRoutesThatPassTheFilterAreScored) {
  const auto state = state_of({{"a", {0.9F}}, {"b", {0.8F}}, {"c", {0.7F}}}, max_at(0.5));
  const Filter filter = only({"c", "b", "c"});
  DecideRequest request;
  request.filter = &filter;
  request.top_k = 10;
  const Decision decision = decide_one(*state, request);
  EXPECT_EQ(served(*state, decision), "b");
  ASSERT_EQ(decision.matches.size(), 2U);
  EXPECT_EQ(decision.matches[1].route, state->table.find("c"));
}

TEST(DecideCandidates, RoutesWithNegativesOnlyAreNotScored) {
  const auto state = state_of({{"a", {0.6F}}, {"b", {}, {0.9F}}}, max_at(0.5));
  DecideRequest request;
  request.top_k = 10;
  const Decision decision = decide_one(*state, request);
  EXPECT_EQ(served(*state, decision), "a");
  EXPECT_EQ(decision.matches.size(), 1U);
}

// --- 2: aggregation ---

struct AggregationCase {
  Aggregation aggregation;
  std::size_t top_m;
  float score;
};

class DecideAggregation : public testing::TestWithParam<AggregationCase> {};

TEST_P(DecideAggregation, MakesTheScore) {
  config::DecisionConfig decision = max_at(-100.0);
  decision.aggregation = GetParam().aggregation;
  decision.top_m = GetParam().top_m;
  const auto state = state_of({{"a", {0.25F, 1.0F, -0.5F, 0.5F}}}, decision);
  EXPECT_FLOAT_EQ(decide_one(*state).score.value(), GetParam().score);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, DecideAggregation,
    testing::Values(AggregationCase{Aggregation::max, 3, 1.0F}, AggregationCase{Aggregation::mean_top, 1, 1.0F},
                    AggregationCase{Aggregation::mean_top, 2, 0.75F},
                    AggregationCase{Aggregation::mean_top, 3, 1.75F / 3.0F},
                    AggregationCase{Aggregation::mean_top, 4, 0.3125F},
                    AggregationCase{Aggregation::mean_top, 50, 0.3125F},  // divided by the count
                    AggregationCase{Aggregation::sum_top, 1, 1.0F}, AggregationCase{Aggregation::sum_top, 3, 1.75F},
                    AggregationCase{Aggregation::sum_top, 50, 1.25F}, AggregationCase{Aggregation::mean, 1, 0.3125F},
                    AggregationCase{Aggregation::centroid, 1, 0.3125F}));

TEST(DecideAggregations, CosineCentroidIsTheNormalisedMeanOfUnitReferences) {
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::centroid;
  // The long reference must not outweigh the short one.
  const auto state = state_of({{"a", {1000.0F, 0.0F, 0.0F, 0.001F}}}, decision, Metric::cosine, 2);
  const std::vector<float> query{1.0F, 0.0F};
  DecideRequest request;
  request.embedding = query;
  EXPECT_NEAR(decide_one(*state, request).score.value(), 0.70710678F, 1e-6);
}

TEST(DecideAggregations, OtherCentroidsAreThePlainMean) {
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::centroid;
  const std::vector<float> query{4.0F, 0.0F};
  DecideRequest request;
  request.embedding = query;
  const auto euclidean = state_of({{"a", {1.0F, 3.0F, 1.0F, 5.0F}}}, decision, Metric::euclidean, 2);
  EXPECT_NEAR(decide_one(*euclidean, request).score.value(), 1.0F / 6.0F, 1e-6);  // mean (1, 4): distance 5
  const auto manhattan = state_of({{"a", {1.0F, 3.0F, 1.0F, 5.0F}}}, decision, Metric::manhattan, 2);
  EXPECT_NEAR(decide_one(*manhattan, request).score.value(), 1.0F / 8.0F, 1e-6);
}

TEST(DecideAggregations, LargeTopMSelectsTheSameAsSorting) {
  std::vector<float> references;
  for (int i = 0; i < 100; ++i) references.push_back(static_cast<float>((i * 37) % 100) / 64.0F);
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::sum_top;
  for (const std::size_t m : {15U, 16U, 17U, 40U, 99U, 100U, 101U}) {
    decision.top_m = m;
    double expected = 0.0;
    for (std::size_t i = 0; i < std::min<std::size_t>(m, 100); ++i) expected += static_cast<double>(99 - i) / 64.0;
    EXPECT_FLOAT_EQ(decide_one(*state_of({{"a", references}}, decision)).score.value(), static_cast<float>(expected));
  }
}

TEST(DecideAggregations, ScoresStayFiniteBeyondTheRangeOfFloat32) {
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::sum_top;
  decision.top_m = 1'000;
  const auto state = state_of({{"a", std::vector<float>(1'000, 1e18F)}}, decision);
  const std::vector<float> query{1e18F};
  DecideRequest request;
  request.embedding = query;
  EXPECT_EQ(decide_one(*state, request).score, std::numeric_limits<float>::max());
}

// --- 3: negatives ---

TEST(DecideNegatives, VetoWhenAtLeastAsNearAsTheNearestReference) {
  struct Case {
    float negative;
    bool vetoed;
  };
  for (const Case& c : {Case{0.75F, false}, Case{0.8125F, true}, Case{0.9F, true}}) {
    const auto state = state_of({{"a", {0.1F, 0.8125F}, {-1.0F, c.negative}}}, max_at(0.5));
    const Decision decision = decide_one(*state);
    EXPECT_EQ(decision.reason, c.vetoed ? Reason::negative : Reason::passed) << c.negative;
    EXPECT_EQ(decision.best->vetoed, c.vetoed) << c.negative;
    EXPECT_EQ(decision.best->passed, !c.vetoed) << c.negative;
  }
}

TEST(DecideNegatives, CompareWithRawReferenceScoresInEveryAggregation) {
  // The score of every aggregation but `max` is below the negative, the nearest reference above it.
  for (const Aggregation aggregation :
       {Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    config::DecisionConfig decision = max_at(0.0);
    decision.aggregation = aggregation;
    const auto passing = state_of({{"a", {0.9F, 0.1F, -0.5F}, {0.8F}}}, decision);
    EXPECT_EQ(decide_one(*passing).reason, Reason::passed) << config::to_string(aggregation);
    const auto vetoed = state_of({{"a", {0.9F, 0.1F, -0.5F}, {0.9F}}}, decision);
    EXPECT_EQ(decide_one(*vetoed).reason, Reason::negative) << config::to_string(aggregation);
  }
}

TEST(DecideNegatives, StopOnlyTheRouteTheyAreListedUnder) {
  const auto state = state_of({{"a", {0.9F}, {0.95F}}, {"b", {0.7F}}}, max_at(0.5));
  const Decision decision = decide_one(*state);
  EXPECT_EQ(decision.kind, DecisionKind::matched);
  EXPECT_EQ(served(*state, decision), "b");
  EXPECT_EQ(decision.best->route, state->table.find("a"));
}

// --- 4: thresholds ---

TEST(DecideThresholds, RequestBeforeRouteBeforeDecision) {
  const auto state = state_of({{"a", {0.6F}, {}, 0.7}, {"b", {0.55F}}}, max_at(0.5));
  DecideRequest request;
  request.top_k = 2;
  const Decision own = decide_one(*state, request);
  EXPECT_EQ(served(*state, own), "b");  // a's own threshold is higher
  EXPECT_DOUBLE_EQ(own.matches[0].threshold, 0.7);
  EXPECT_DOUBLE_EQ(own.matches[1].threshold, 0.5);
  request.score_threshold = 0.1;
  const Decision lower = decide_one(*state, request);
  EXPECT_EQ(served(*state, lower), "a");
  EXPECT_DOUBLE_EQ(lower.matches[0].threshold, 0.1);
  request.score_threshold = 0.8;
  EXPECT_EQ(decide_one(*state, request).reason, Reason::below_threshold);
}

TEST(DecideThresholds, ZeroAndNegativeOnesAreThresholds) {
  const auto state = state_of({{"a", {-0.25F}, {}, 0.0}, {"b", {-0.5F}, {}, -0.5}}, max_at(0.5));
  EXPECT_EQ(served(*state, decide_one(*state)), "b");
  DecideRequest request;
  request.score_threshold = 0.0;
  EXPECT_EQ(decide_one(*state, request).reason, Reason::below_threshold);
  request.score_threshold = -0.25;
  EXPECT_EQ(served(*state, decide_one(*state, request)), "a");
}

TEST(DecideThresholds, AScoreEqualToTheThresholdAsPrintedPasses) {
  const auto state = state_of({{"a", {0.6F}}}, max_at(0.6));  // 0.6F is above 0.6
  EXPECT_EQ(decide_one(*state).reason, Reason::passed);
  const auto lower = state_of({{"a", {0.7F}}}, max_at(0.7));  // 0.7F is below 0.7
  EXPECT_EQ(decide_one(*lower).reason, Reason::passed);
}

TEST(DecideThresholds, BeyondFloat32LetNothingOrEverythingPass) {
  const auto state = state_of({{"a", {0.6F}}}, max_at(1e300));
  EXPECT_EQ(decide_one(*state).reason, Reason::below_threshold);
  DecideRequest request;
  request.score_threshold = -1e300;
  EXPECT_EQ(decide_one(*state, request).reason, Reason::passed);
}

// --- 5: ranks ---

TEST(DecideRanks, ByScore) {
  const auto state = state_of({{"a", {0.1F}}, {"b", {0.9F}}, {"c", {0.5F}}, {"d", {0.7F}}}, max_at(0.5));
  DecideRequest request;
  request.top_k = 3;
  const Decision decision = decide_one(*state, request);
  ASSERT_EQ(decision.matches.size(), 3U);
  EXPECT_EQ(decision.matches[0].route, state->table.find("b"));
  EXPECT_EQ(decision.matches[1].route, state->table.find("d"));
  EXPECT_EQ(decision.matches[2].route, state->table.find("c"));
  EXPECT_EQ(decision.best->route, state->table.find("b"));
  EXPECT_EQ(decision.runner_up->route, state->table.find("d"));
}

TEST(DecideRanks, TiesByNameBytewise) {
  // "Z" < "a" < "b" < "é" as bytes; no locale, no case folding.
  const auto state = state_of({{"é", {0.9F}}, {"b", {0.9F}}, {"a", {0.9F}}, {"Z", {0.9F}}}, max_at(0.5));
  for (const std::size_t top_k : {1U, 2U, 4U}) {
    DecideRequest request;
    request.top_k = top_k;
    const Decision decision = decide_one(*state, request);
    EXPECT_EQ(served(*state, decision), "Z");
    const char* const names[] = {"Z", "a", "b", "é"};
    ASSERT_EQ(decision.matches.size(), top_k);
    for (std::size_t i = 0; i < top_k; ++i)
      EXPECT_EQ(state->table.routes()[decision.matches[i].route].name, names[i]) << i;
  }
}

TEST(DecideRanks, MatchesListTheHighestScoringWhetherTheyPassedOrNot) {
  const auto state = state_of({{"a", {0.9F}, {}, 0.95}, {"b", {0.8F}, {0.85F}}, {"c", {0.7F}}}, max_at(0.5));
  DecideRequest request;
  request.top_k = 1'000;
  const Decision decision = decide_one(*state, request);
  ASSERT_EQ(decision.matches.size(), 3U);
  EXPECT_FALSE(decision.matches[0].passed);
  EXPECT_FALSE(decision.matches[0].vetoed);
  EXPECT_FALSE(decision.matches[1].passed);
  EXPECT_TRUE(decision.matches[1].vetoed);
  EXPECT_TRUE(decision.matches[2].passed);
  EXPECT_EQ(served(*state, decision), "c");
}

// --- 6: none passes ---

TEST(DecideReasons, NegativeOnlyIfAVetoAloneStoppedOne) {
  struct Case {
    double threshold;
    Reason reason;
  };
  for (const Case& c : {Case{0.5, Reason::negative}, Case{0.95, Reason::below_threshold}}) {
    const auto state = state_of({{"a", {0.9F}, {0.92F}}, {"b", {0.2F}}}, max_at(c.threshold));
    EXPECT_EQ(decide_one(*state).reason, c.reason) << c.threshold;
  }
  // Also when the vetoed route is not the highest-scoring one.
  const auto state = state_of({{"a", {0.9F}, {}, 0.95}, {"b", {0.6F}, {0.7F}}}, max_at(0.5));
  EXPECT_EQ(decide_one(*state).reason, Reason::negative);
}

TEST(DecideReasons, BelowThresholdServesNothing) {
  const auto state = state_of({{"a", {0.4F}}}, max_at(0.5));
  const Decision decision = decide_one(*state);
  EXPECT_EQ(decision.kind, DecisionKind::no_match);
  EXPECT_EQ(decision.reason, Reason::below_threshold);
  EXPECT_FALSE(decision.route || decision.score);
  EXPECT_FLOAT_EQ(decision.best->score, 0.4F);
}

TEST(Decide, LeavesNothingOfTheDecisionBefore) {
  const auto full = state_of({{"a", {0.6F}}, {"b", {0.55F}, {0.1F}}}, max_at(0.5));
  const auto none = state_of({}, max_at(0.5));
  const std::vector<float> query{1.0F};
  DecideRequest request;
  request.embedding = query;
  request.explain = true;
  request.top_k = 5;
  DecideScratch scratch;
  Decision decision;
  decide(*full, request, scratch, decision);
  ASSERT_FALSE(decision.references.empty());
  decide(*none, request, scratch, decision);
  EXPECT_EQ(decision.kind, DecisionKind::no_match);
  EXPECT_FALSE(decision.route || decision.score || decision.best || decision.runner_up);
  EXPECT_TRUE(decision.matches.empty() && decision.references.empty() && scratch.candidates.empty());
}

}  // namespace
}  // namespace semroute::router
