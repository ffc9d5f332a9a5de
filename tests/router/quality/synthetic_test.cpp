// The way of an evaluation from vectors to numbers on a set that the project makes itself.
#include <gtest/gtest.h>

#include "router/quality/weak_routes.h"
#include "tests/router/quality/labelled_state.h"

namespace semroute::router {
namespace {

using config::Aggregation;

config::DecisionConfig rules_of(Aggregation aggregation, std::size_t top_m, double threshold) {
  config::DecisionConfig decision;
  decision.aggregation = aggregation;
  decision.top_m = top_m;
  decision.score_threshold = threshold;
  return decision;
}

TEST(SyntheticSet, IsTheSameForTheSameSeed) {
  const auto set = semroute::test::make_synthetic_set();
  EXPECT_EQ(set.references.values, semroute::test::make_synthetic_set().references.values);
  EXPECT_EQ(set.references.labels.size(), 400U);
  EXPECT_EQ(set.requests.labels.size(), 260U);
  EXPECT_EQ(set.references.values.size(), 400U * set.dimension);
  semroute::test::SyntheticShape other;
  other.seed = 2;
  EXPECT_NE(set.references.values, semroute::test::make_synthetic_set(other).references.values);
}

TEST(SyntheticEvaluation, RoutesOverlapAndAreTold) {
  const auto set = semroute::test::make_synthetic_set();
  for (const Aggregation aggregation :
       {Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    const auto state = test::state_from(set.references, set.dimension, rules_of(aggregation, 5, 0.4));
    ASSERT_NE(state, nullptr);
    const auto requests = test::decide_all(*state, set.requests);
    const double accuracy = accuracy_without_threshold(requests).in_scope_accuracy().value();
    EXPECT_GT(accuracy, 0.75) << config::to_string(aggregation);
    EXPECT_LT(accuracy, 1.0) << config::to_string(aggregation);  // else the set is too easy to tell anything
    EXPECT_GT(auroc(requests).value(), 0.85) << config::to_string(aggregation);
    EXPECT_FALSE(most_confused(requests, 5, Basis::best).empty()) << config::to_string(aggregation);
  }
}

TEST(SyntheticEvaluation, WithOneThresholdForAllWhatWasServedIsWhatTheThresholdSays) {
  const auto set = semroute::test::make_synthetic_set();
  for (const double threshold : {0.3, 0.45, 0.6}) {
    const auto state = test::state_from(set.references, set.dimension, rules_of(Aggregation::mean_top, 3, threshold));
    ASSERT_NE(state, nullptr);
    const auto requests = test::decide_all(*state, set.requests);
    const Accuracy served = accuracy_as_configured(requests);
    const Accuracy at = accuracy_at(requests, threshold);
    EXPECT_EQ(served.in_scope_right, at.in_scope_right) << threshold;
    EXPECT_EQ(served.out_of_scope_refused, at.out_of_scope_refused) << threshold;
  }
}

TEST(SyntheticEvaluation, AStricterThresholdRefusesMore) {
  const auto set = semroute::test::make_synthetic_set();
  const auto state = test::state_from(set.references, set.dimension, rules_of(Aggregation::mean_top, 3, 0.5));
  ASSERT_NE(state, nullptr);
  const auto requests = test::decide_all(*state, set.requests);
  Accuracy before = accuracy_at(requests, -1.0);
  EXPECT_EQ(before.out_of_scope_refused, 0U);
  for (double threshold = 0.0; threshold <= 1.0; threshold += 0.05) {
    const Accuracy now = accuracy_at(requests, threshold);
    EXPECT_LE(now.in_scope_right, before.in_scope_right);
    EXPECT_GE(now.out_of_scope_refused, before.out_of_scope_refused);
    before = now;
  }
  EXPECT_EQ(before.out_of_scope_refused, before.out_of_scope);
}

TEST(SyntheticEvaluation, LeavingOutFindsTheRouteThatScatters) {
  semroute::test::SyntheticShape shape;
  shape.route_spread = 0.4;
  auto set = semroute::test::make_synthetic_set(shape);
  // One route gets the references of a set that scatters.
  shape.route_spread = 3.0;
  const auto scattered = semroute::test::make_synthetic_set(shape);
  for (std::size_t row = 0; row < set.references.labels.size(); ++row) {
    if (set.references.labels[row] != "family1_route2") continue;
    const std::size_t begin = row * set.dimension;
    std::copy_n(scattered.references.values.begin() + static_cast<std::ptrdiff_t>(begin), set.dimension,
                set.references.values.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  const auto state = test::state_from(set.references, set.dimension, rules_of(Aggregation::mean_top, 3, 0.7));
  ASSERT_NE(state, nullptr);
  const WeakRoutes weak = find_weak_routes(*state);
  for (const LeftOut& left : weak.left_out) {
    if (state->table.routes()[left.route].name == "family1_route2")
      EXPECT_GT(left.refused, 15U);
    else
      EXPECT_EQ(left.refused, 0U) << state->table.routes()[left.route].name;
  }
}

}  // namespace
}  // namespace semroute::router
