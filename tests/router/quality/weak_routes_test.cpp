#include "router/quality/weak_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;
using test::max_at;
using test::state_of;
using testing::HasSubstr;

// Unit vectors by their angle in degrees.
std::vector<float> at_angles(const std::vector<double>& degrees, float length = 1.0F) {
  std::vector<float> values;
  for (const double angle : degrees) {
    values.push_back(length * static_cast<float>(std::cos(angle * 3.14159265358979 / 180.0)));
    values.push_back(length * static_cast<float>(std::sin(angle * 3.14159265358979 / 180.0)));
  }
  return values;
}

TEST(LeftOut, CountsReferencesRefusedByTheOthers) {
  // Each at 0, 10, 20 has another within 10 degrees; 90 has none within 60.
  const auto state = state_of({{"a", at_angles({0, 10, 20, 90})}}, max_at(0.9), Metric::cosine, 2);
  const WeakRoutes weak = find_weak_routes(*state);
  ASSERT_EQ(weak.left_out.size(), 1U);
  EXPECT_EQ(weak.left_out[0].route, 0U);
  EXPECT_EQ(weak.left_out[0].tested, 4U);
  EXPECT_EQ(weak.left_out[0].refused, 1U);
  EXPECT_DOUBLE_EQ(weak.left_out[0].threshold, 0.9);
}

TEST(LeftOut, UsesTheTablesAggregation) {
  struct Case {
    Aggregation aggregation;
    double threshold;
    std::size_t refused;
  };
  // cos 60 = 0.5, cos 30 = 0.866. Left out: 0 -> {30: .866, 60: .5}, 30 -> {.866, .866}, 60 -> {.5, .866}.
  for (const Case& c :
       {Case{Aggregation::max, 0.86, 0}, Case{Aggregation::max, 0.87, 3}, Case{Aggregation::mean_top, 0.6, 0},
        Case{Aggregation::mean_top, 0.7, 2}, Case{Aggregation::mean, 0.7, 2}, Case{Aggregation::sum_top, 1.3, 0},
        Case{Aggregation::sum_top, 1.4, 2},
        // centroid of the other two: at 45, 30 and 15 degrees
        Case{Aggregation::centroid, 0.70, 0}, Case{Aggregation::centroid, 0.72, 2},
        Case{Aggregation::centroid, 0.99, 2}}) {
    config::DecisionConfig decision = max_at(c.threshold);
    decision.aggregation = c.aggregation;
    decision.top_m = 2;
    const auto state = state_of({{"a", at_angles({0, 30, 60})}}, decision, Metric::cosine, 2);
    EXPECT_EQ(find_weak_routes(*state).left_out.at(0).refused, c.refused)
        << config::to_string(c.aggregation) << " " << c.threshold;
  }
}

TEST(LeftOut, CentroidsOfOtherMetricsArePlainMeans) {
  struct Case {
    Metric metric;
    double threshold;
    std::size_t refused;
  };
  // Left out of 0, 2, 4: the others' means are 3, 2, 1 at distances 3, 0, 3; inner products 0, 4, 4.
  for (const Case& c :
       {Case{Metric::euclidean, 0.26, 2}, Case{Metric::euclidean, 0.24, 0}, Case{Metric::manhattan, 0.26, 2},
        Case{Metric::manhattan, 0.24, 0}, Case{Metric::dot, 3.0, 1}, Case{Metric::dot, 5.0, 3}}) {
    config::DecisionConfig decision = max_at(c.threshold);
    decision.aggregation = Aggregation::centroid;
    const auto state = state_of({{"a", {0.0F, 2.0F, 4.0F}}}, decision, c.metric, 1);
    EXPECT_EQ(find_weak_routes(*state).left_out.at(0).refused, c.refused) << core::to_string(c.metric) << c.threshold;
  }
}

TEST(LeftOut, UsesTheRoutesOwnThresholdAndSkipsSingleReferences) {
  const auto state = state_of({{"a", at_angles({0, 60}), {}, 0.4}, {"b", at_angles({0, 60})}, {"c", at_angles({0})}},
                              max_at(0.9), Metric::cosine, 2);
  const WeakRoutes weak = find_weak_routes(*state);
  ASSERT_EQ(weak.left_out.size(), 2U);
  EXPECT_EQ(weak.left_out[0].refused, 0U);
  EXPECT_DOUBLE_EQ(weak.left_out[0].threshold, 0.4);
  EXPECT_EQ(weak.left_out[1].refused, 2U);
}

TEST(TooFew, OnlyWhereTopMCounts) {
  for (const Aggregation aggregation :
       {Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    config::DecisionConfig decision = max_at(0.0);
    decision.aggregation = aggregation;
    decision.top_m = 3;
    const auto state = state_of({{"a", {1.0F, 2.0F}}, {"b", {1.0F, 2.0F, 3.0F}}, {"none", {}}}, decision);
    const WeakRoutes weak = find_weak_routes(*state);
    if (aggregation == Aggregation::mean_top || aggregation == Aggregation::sum_top) {
      ASSERT_EQ(weak.too_few.size(), 1U);
      EXPECT_EQ(weak.too_few[0].route, 0U);
      EXPECT_EQ(weak.too_few[0].references, 2U);
    } else {
      EXPECT_TRUE(weak.too_few.empty());
    }
  }
}

TEST(NearDuplicate, AcrossRoutesOnlyWithTheirRows) {
  const auto state = state_of({{"a", at_angles({0, 90, 91})}, {"b", at_angles({45, 95, 180})}, {"c", at_angles({270})}},
                              max_at(0.0), Metric::cosine, 2);
  const WeakRoutes weak = find_weak_routes(*state);
  EXPECT_TRUE(weak.duplicates_checked);
  ASSERT_EQ(weak.near_duplicates.size(), 1U);
  const NearDuplicates& pair = weak.near_duplicates[0];
  EXPECT_EQ(pair.first_route, 0U);
  EXPECT_EQ(pair.second_route, 1U);
  ASSERT_EQ(pair.count, 2U);
  EXPECT_EQ(pair.shown[0].first_row, 1U);
  EXPECT_EQ(pair.shown[0].second_row, 1U);
  EXPECT_NEAR(pair.shown[0].score, std::cos(5.0 * 3.14159265 / 180.0), 1e-6);
  EXPECT_EQ(pair.shown[1].first_row, 2U);
}

TEST(NearDuplicate, TheBoundIsACosineOfAboutElevenDegreesInEveryMetric) {
  // acos 0.98 = 11.48 degrees; a chord of 0.2 of the length is the same angle.
  struct Case {
    Metric metric;
    float length;
  };
  for (const Case& c : {Case{Metric::cosine, 1.0F}, Case{Metric::dot, 1.0F}, Case{Metric::dot, 50.0F},
                        Case{Metric::euclidean, 1.0F}, Case{Metric::euclidean, 50.0F}}) {
    for (const double angle : {11.0, 12.0}) {
      const auto state =
          state_of({{"a", at_angles({0}, c.length)}, {"b", at_angles({angle}, c.length)}}, max_at(0.0), c.metric, 2);
      EXPECT_EQ(find_weak_routes(*state).near_duplicates.size(), angle < 11.5 ? 1U : 0U)
          << core::to_string(c.metric) << " " << c.length << " " << angle;
    }
  }
  for (const float offset : {1.9F, 2.1F}) {
    const auto state = state_of({{"a", {6.0F, 4.0F}}, {"b", {6.0F, 4.0F + offset}}}, max_at(0.0), Metric::manhattan, 2);
    EXPECT_EQ(find_weak_routes(*state).near_duplicates.size(), offset < 2.0F ? 1U : 0U);
  }
}

TEST(NearDuplicate, NegativesAreNotReferences) {
  const auto state = state_of({{"a", at_angles({0}), at_angles({90})}, {"b", at_angles({90}), at_angles({0})}},
                              max_at(0.0), Metric::cosine, 2);
  EXPECT_TRUE(find_weak_routes(*state).near_duplicates.empty());
}

TEST(NearDuplicate, CountsAllAndShowsAFewAlsoAcrossBlocks) {
  const std::size_t dimension = 4'096;  // few rows a block
  std::vector<float> rows;
  for (std::size_t row = 0; row < 30; ++row) {
    rows.resize((row + 1) * dimension, 0.0F);
    rows[row * dimension + row] = 1.0F;
  }
  const auto state = state_of({{"a", rows}, {"b", rows}}, max_at(0.0), Metric::cosine, dimension);
  const WeakRoutes weak = find_weak_routes(*state);
  ASSERT_EQ(weak.near_duplicates.size(), 1U);
  EXPECT_EQ(weak.near_duplicates[0].count, 30U);
  EXPECT_EQ(weak.near_duplicates[0].shown.size(), kShownDuplicates);
}

TEST(NearDuplicate, AreNotLookedForBeyondTheBoundAndThatIsSaid) {
  config::DecisionConfig decision = max_at(-1.0);
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 31; ++i)
    routes.push_back({"route" + std::to_string(i), std::vector<float>(kMostRowsForDuplicates / 30, 1.0F)});
  const auto state = state_of(routes, decision);
  const WeakRoutes weak = find_weak_routes(*state);
  EXPECT_FALSE(weak.duplicates_checked);
  EXPECT_TRUE(weak.near_duplicates.empty());
  const auto warnings = to_warnings(weak, *state, "routes.yaml");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0].message, HasSubstr("not looked for"));
}

TEST(LeftOut, ManyReferencesAreSampled) {
  const std::vector<float> references(20'000, 1.0F);
  const auto state = state_of({{"a", references}}, max_at(2.0));
  const WeakRoutes weak = find_weak_routes(*state);
  EXPECT_EQ(weak.left_out.at(0).tested, kMostLeftOutPairs / 20'000);
  EXPECT_EQ(weak.left_out.at(0).refused, weak.left_out.at(0).tested);
  EXPECT_THAT(to_warnings(weak, *state, "f").at(0).message, HasSubstr("1250 of its 1250 tested references (of 20000)"));
}

TEST(Warnings, SayWhatWhereAndWhatToDo) {
  config::DecisionConfig decision = max_at(0.95);
  decision.aggregation = Aggregation::mean_top;
  decision.top_m = 3;
  config::Config config =
      test::config_of({{"billing", at_angles({0, 40, 80})}, {"refund", at_angles({40})}}, decision, Metric::cosine, 2);
  config.routes[0].place = {14, 5};
  config.routes[1].place = {20, 5};
  const auto state = build_routing_state(config);
  ASSERT_TRUE(state.ok());
  const auto warnings = to_warnings(find_weak_routes(**state), **state, "routes.yaml");
  ASSERT_EQ(warnings.size(), 3U);
  for (const config::Diagnostic& warning : warnings) {
    EXPECT_EQ(warning.severity, config::Severity::warning);
    EXPECT_EQ(warning.file, "routes.yaml");
  }
  EXPECT_EQ(warnings[0].place, (config::Place{14, 5}));
  EXPECT_THAT(warnings[0].message,
              HasSubstr("route \"billing\": 3 of its 3 references would be refused at its threshold 0.95"));
  EXPECT_EQ(warnings[1].place, (config::Place{20, 5}));
  EXPECT_THAT(warnings[1].message, HasSubstr("route \"refund\": it has 1 reference, fewer than decision.top_m 3"));
  EXPECT_THAT(warnings[2].message, HasSubstr("routes \"billing\" and \"refund\" share 1 near-duplicate reference: rows "
                                             "1 and 0 (score 1)"));
}

TEST(Warnings, AHealthyTableHasNone) {
  const auto state =
      state_of({{"a", at_angles({0, 5, 10})}, {"b", at_angles({90, 95, 100})}}, max_at(0.9), Metric::cosine, 2);
  EXPECT_TRUE(to_warnings(find_weak_routes(*state), *state, "f").empty());
}

}  // namespace
}  // namespace semroute::router
