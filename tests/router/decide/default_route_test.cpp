// "How it decides", the end: margin, default route, what is served.
#include <gtest/gtest.h>

#include "router/decide/decide.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using test::decide_one;
using test::max_at;
using test::RouteSpec;
using test::served;
using test::state_of;

Filter only(std::vector<std::string> names) {
  Filter filter;
  filter.routes = std::move(names);
  return filter;
}

// --- 7: margin ---

config::DecisionConfig with_margin(double margin) {
  config::DecisionConfig decision = max_at(0.5);
  decision.margin = margin;
  return decision;
}

TEST(DecideMargin, ALeadOfLessIsAmbiguousAndOfExactlyIsNot) {
  struct Case {
    double margin;
    Reason reason;
  };
  for (const Case& c : {Case{0.0, Reason::passed}, Case{0.125, Reason::passed}, Case{0.1875, Reason::ambiguous}}) {
    const auto state = state_of({{"a", {0.875F}}, {"b", {0.75F}}}, with_margin(c.margin));
    const Decision decision = decide_one(*state);
    EXPECT_EQ(decision.reason, c.reason) << c.margin;
    EXPECT_EQ(decision.kind, c.reason == Reason::passed ? DecisionKind::matched : DecisionKind::no_match) << c.margin;
    EXPECT_EQ(decision.matches.at(0).passed, true);
  }
}

TEST(DecideMargin, CountsTheSecondPassingRouteOnly) {
  const auto state =
      state_of({{"a", {0.875F}}, {"b", {0.85F}, {0.9F}}, {"c", {0.86F}, {}, 0.9}, {"d", {0.5F}}}, with_margin(0.25));
  EXPECT_EQ(served(*state, decide_one(*state)), "a");
  const auto alone = state_of({{"a", {0.875F}}}, with_margin(5.0));
  EXPECT_EQ(decide_one(*alone).reason, Reason::passed);
}

TEST(DecideMargin, TiesAreAmbiguousForAnyMargin) {
  const auto state = state_of({{"a", {0.875F}}, {"b", {0.875F}}}, with_margin(1e-12));
  EXPECT_EQ(decide_one(*state).reason, Reason::ambiguous);
}

TEST(DecideMargin, TheFilterDecidesWhoCompetes) {
  const auto state = state_of({{"a", {0.875F}}, {"b", {0.875F}}}, with_margin(0.1));
  const Filter filter = only({"b"});
  DecideRequest request;
  request.filter = &filter;
  EXPECT_EQ(served(*state, decide_one(*state, request)), "b");
}

// --- 8: served, default, none ---

TEST(DecideDefault, IsServedForEveryCauseAndTheReasonStays) {
  struct Case {
    const char* what;
    std::vector<RouteSpec> routes;
    Reason reason;
  };
  const std::vector<Case> cases{
      {"below", {{"a", {0.4F}}}, Reason::below_threshold},
      {"negative", {{"a", {0.9F}, {1.0F}}}, Reason::negative},
      {"ambiguous", {{"a", {0.875F}}, {"b", {0.875F}}}, Reason::ambiguous},
      {"empty", {{"a", {}}}, Reason::empty},
  };
  for (Case c : cases) {
    c.routes.push_back({"general", {}});  // a default route needs no references
    config::DecisionConfig decision = with_margin(0.1);
    decision.default_route = "general";
    const auto state = state_of(c.routes, decision);
    const Decision made = decide_one(*state);
    EXPECT_EQ(made.kind, DecisionKind::fallback) << c.what;
    EXPECT_EQ(made.reason, c.reason) << c.what;
    EXPECT_EQ(served(*state, made), "general") << c.what;
    EXPECT_FALSE(made.score) << c.what;
  }
}

TEST(DecideDefault, MustPassTheFilter) {
  config::DecisionConfig rules = max_at(0.5);
  rules.default_route = "general";
  const auto state = state_of({{"a", {0.4F}}, {"general", {}, {}, {}, {{"tier", test::text("gold")}}}}, rules);
  struct Case {
    std::vector<std::string> names;
    DecisionKind kind;
    Reason reason;
  };
  for (const Case& c : {Case{{"a"}, DecisionKind::no_match, Reason::below_threshold},
                        Case{{"a", "general"}, DecisionKind::fallback, Reason::below_threshold},
                        Case{{"general"}, DecisionKind::fallback, Reason::filtered},
                        Case{{}, DecisionKind::no_match, Reason::filtered}}) {
    const Filter filter = only(c.names);
    DecideRequest request;
    request.filter = &filter;
    const Decision decision = decide_one(*state, request);
    EXPECT_EQ(decision.kind, c.kind) << c.names.size();
    EXPECT_EQ(decision.reason, c.reason) << c.names.size();
  }
  Filter metadata;
  metadata.metadata.push_back({"tier", {test::text("silver")}});
  DecideRequest request;
  request.filter = &metadata;
  EXPECT_EQ(decide_one(*state, request).kind, DecisionKind::no_match);
}

TEST(DecideDefault, HasItsScoreWhenItWasScored) {
  config::DecisionConfig rules = max_at(0.5);
  rules.default_route = "general";
  const auto state = state_of({{"a", {0.4F}}, {"general", {0.3F}}, {"z", {0.1F}}}, rules);
  for (const bool explain : {false, true}) {
    DecideRequest request;
    request.explain = explain;
    request.top_k = 3;
    const Decision decision = decide_one(*state, request);
    EXPECT_EQ(decision.kind, DecisionKind::fallback);
    EXPECT_EQ(served(*state, decision), "general");
    EXPECT_FLOAT_EQ(decision.score.value(), 0.3F);
  }
}

TEST(DecideDefault, MayBeARouteThatWasVetoedOrIsAmbiguousItself) {
  config::DecisionConfig rules = with_margin(0.1);
  rules.default_route = "a";
  const auto vetoed = state_of({{"a", {0.9F}, {0.9F}}}, rules);
  EXPECT_EQ(decide_one(*vetoed).kind, DecisionKind::fallback);
  const auto ambiguous = state_of({{"a", {0.875F}}, {"b", {0.875F}}}, rules);
  const Decision decision = decide_one(*ambiguous);
  EXPECT_EQ(decision.kind, DecisionKind::fallback);
  EXPECT_EQ(decision.reason, Reason::ambiguous);
  EXPECT_EQ(served(*ambiguous, decision), "a");
}

TEST(DecideServed, TheBestPassingRouteIsMatched) {
  config::DecisionConfig rules = max_at(0.5);
  rules.default_route = "b";
  const auto state = state_of({{"a", {0.6F}}, {"b", {0.55F}}}, rules);
  const Decision decision = decide_one(*state);
  EXPECT_EQ(decision.kind, DecisionKind::matched);
  EXPECT_EQ(decision.reason, Reason::passed);
  EXPECT_EQ(served(*state, decision), "a");
  EXPECT_FLOAT_EQ(decision.score.value(), 0.6F);
}

}  // namespace
}  // namespace semroute::router
