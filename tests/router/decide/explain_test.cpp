#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "router/decide/decide.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using test::decide_one;
using test::max_at;
using test::state_of;

Decision explained(const RoutingState& state, std::size_t top_k = 1) {
  DecideRequest request;
  request.explain = true;
  request.top_k = top_k;
  return decide_one(state, request);
}

TEST(Explain, WithoutItNoReferencesAreListed) {
  const auto state = state_of({{"a", {0.9F}}}, max_at(0.5));
  EXPECT_TRUE(decide_one(*state).references.empty());
}

TEST(Explain, ListsTheReferencesThatMadeTheScore) {
  struct Case {
    Aggregation aggregation;
    std::vector<std::size_t> rows;
  };
  for (const Case& c :
       {Case{Aggregation::max, {3}}, Case{Aggregation::mean_top, {3, 1}}, Case{Aggregation::sum_top, {3, 1}},
        Case{Aggregation::mean, {3, 1, 4, 2, 6}}, Case{Aggregation::centroid, {3, 1, 4, 2, 6}}}) {
    config::DecisionConfig decision = max_at(0.0);
    decision.aggregation = c.aggregation;
    decision.top_m = 2;
    const auto state = state_of({{"a", {0.1F, 0.8F, 0.6F, 0.9F, 0.7F, 0.2F, 0.5F}}}, decision);
    const Decision made = explained(*state);
    ASSERT_EQ(made.references.size(), c.rows.size()) << config::to_string(c.aggregation);
    for (std::size_t i = 0; i < c.rows.size(); ++i) {
      EXPECT_EQ(made.references[i].row, c.rows[i]) << config::to_string(c.aggregation) << " " << i;
      EXPECT_EQ(made.references[i].negative, false);
    }
    EXPECT_FLOAT_EQ(made.references[0].score, 0.9F);
  }
}

TEST(Explain, ListsTheNearestNegativeAfterTheReferences) {
  const auto state = state_of({{"a", {0.9F, 0.3F}, {0.2F, 0.6F, 0.6F}}, {"b", {0.5F}}, {"c", {0.1F}}}, max_at(0.0));
  const Decision made = explained(*state, 2);
  ASSERT_EQ(made.references.size(), 3U);
  EXPECT_EQ(made.references[0].row, 0U);
  EXPECT_TRUE(made.references[1].negative);
  EXPECT_EQ(made.references[1].row, 1U);  // of two as near, the first
  EXPECT_FLOAT_EQ(made.references[1].score, 0.6F);
  EXPECT_EQ(made.references[2].route, state->table.find("b"));
}

TEST(Explain, TiesAreListedByRow) {
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::mean_top;
  decision.top_m = 3;
  const auto state = state_of({{"a", {0.5F, 0.5F, 0.1F, 0.5F, 0.5F}}}, decision);
  const Decision made = explained(*state);
  ASSERT_EQ(made.references.size(), 3U);
  EXPECT_EQ(made.references[0].row, 0U);
  EXPECT_EQ(made.references[1].row, 1U);
  EXPECT_EQ(made.references[2].row, 3U);
}

TEST(Explain, LeavesAllCandidatesRankedInTheScratch) {
  const auto state = state_of({{"a", {0.1F}}, {"b", {0.9F}}, {"c", {0.5F}}}, max_at(0.4));
  const std::vector<float> query{1.0F};
  DecideRequest request;
  request.embedding = query;
  request.explain = true;
  DecideScratch scratch;
  Decision decision;
  decide(*state, request, scratch, decision);
  ASSERT_EQ(scratch.candidates.size(), 3U);
  EXPECT_EQ(scratch.candidates[0].route, state->table.find("b"));
  EXPECT_EQ(scratch.candidates[1].route, state->table.find("c"));
  EXPECT_TRUE(scratch.candidates[1].passed);
  EXPECT_FALSE(scratch.candidates[2].passed);
  EXPECT_EQ(decision.matches.size(), 1U);
}

TEST(Explain, ListsNoMoreThanItsBound) {
  config::DecisionConfig decision = max_at(0.0);
  decision.aggregation = Aggregation::sum_top;
  decision.top_m = 1'000'000;
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 6; ++i)
    routes.push_back({std::string(1, static_cast<char>('a' + i)), std::vector<float>(2'500, 0.5F), {0.1F}});
  EXPECT_EQ(explained(*state_of(routes, decision), 6).references.size(), core::kMaxExplainReferences);
}

TEST(Explain, DoesNotChangeTheDecision) {
  config::DecisionConfig rules = max_at(0.5);
  rules.margin = 0.1;
  rules.default_route = "c";
  const auto state = state_of({{"a", {0.9F}}, {"b", {0.85F}}, {"c", {0.2F}}}, rules);
  const Decision plain = decide_one(*state);
  const Decision made = explained(*state, 3);
  EXPECT_EQ(plain.kind, made.kind);
  EXPECT_EQ(plain.reason, made.reason);
  EXPECT_EQ(plain.route, made.route);
  EXPECT_EQ(plain.score, made.score);
  EXPECT_EQ(plain.best->route, made.best->route);
  EXPECT_EQ(plain.runner_up->route, made.runner_up->route);
}

}  // namespace
}  // namespace semroute::router
