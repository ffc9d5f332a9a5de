#include "router/routes/table_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::ErrorCode;
using core::Metric;
using testing::HasSubstr;

TEST(BuildRoutingState, IdsAreDenseRouteByRouteNegativesApart) {
  const auto state = test::state_of({{"b", {4.0F, 5.0F}, {6.0F}}, {"none", {}}, {"a", {1.0F}, {2.0F, 3.0F}}});
  const RouteList routes = state->table.routes();
  ASSERT_EQ(routes.size(), 3U);
  EXPECT_EQ(routes[0].references.parts()[0].first, 0U);
  EXPECT_EQ(routes[0].references.count(), 1U);
  EXPECT_EQ(routes[0].negatives.parts()[0].first, 0U);
  EXPECT_EQ(routes[0].negatives.count(), 2U);
  EXPECT_EQ(routes[1].references.parts()[0].first, 1U);
  EXPECT_EQ(routes[1].references.count(), 2U);
  EXPECT_EQ(routes[1].negatives.parts()[0].first, 2U);
  EXPECT_EQ(routes[2].references.count(), 0U);
  ASSERT_EQ(state->index->count(), 3U);
  ASSERT_EQ(state->negatives->count(), 3U);
  const float references[] = {1.0F, 4.0F, 5.0F};
  const float negatives[] = {2.0F, 3.0F, 6.0F};
  for (core::ReferenceId id = 0; id < 3; ++id) {
    EXPECT_EQ(test::stored(*state->index, id)[0], references[id]);
    EXPECT_EQ(test::stored(*state->negatives, id)[0], negatives[id]);
  }
  EXPECT_EQ(state->table.reference_count(), 3U);
  EXPECT_EQ(state->table.negative_count(), 3U);
  EXPECT_EQ(state->table.row_count(), 6U);
  EXPECT_EQ(state->table.most_references(), 2U);
  EXPECT_EQ(state->table.referenced(), (std::vector<std::size_t>{0, 1}));
  for (const core::ReferenceId id : {0U, 1U, 2U}) EXPECT_EQ(state->table.owner(id), id == 0 ? 0U : 1U) << id;
  EXPECT_EQ(state->route_vectors, nullptr);
}

TEST(BuildRoutingState, CosineVectorsAreStoredAsUnitVectors) {
  const auto state = test::state_of({{"a", {3.0F, 4.0F}}}, {}, Metric::cosine, 2);
  EXPECT_FLOAT_EQ(test::stored(*state->index, 0)[0], 0.6F);
  EXPECT_FLOAT_EQ(test::stored(*state->index, 0)[1], 0.8F);
}

TEST(BuildRoutingState, RoutesKeepWhatTheConfigurationSays) {
  config::Config config = test::config_of({{"a", {1.0F}, {2.0F}, 0.25, {{"tier", test::text("gold")}}}}, {});
  config::RouteConfig& route = config.routes[0];
  route.description = "invoices";
  route.destination.targets = {{"billing-api", 1}};
  route.references.texts = {"my bill"};
  route.negatives.texts = {"no bill"};
  route.place = {7, 9};
  const auto state = build_routing_state(config);
  ASSERT_TRUE(state.ok());
  const Route& made = (*state)->table.routes()[0];
  EXPECT_EQ(made.description, "invoices");
  EXPECT_EQ(made.destination.targets, (config::TargetSplit{{"billing-api", 1}}));
  EXPECT_EQ(made.score_threshold, 0.25);
  EXPECT_EQ(*made.metadata.find("tier")->string(), "gold");
  EXPECT_EQ(made.reference_texts, route.references.texts);
  EXPECT_EQ(made.negative_texts, route.negatives.texts);
  EXPECT_EQ(made.place, (config::Place{7, 9}));
  EXPECT_EQ(made.version, 0U);
}

TEST(BuildRoutingState, RulesAreThoseOfTheDecisionWithTheDefaultsPosition) {
  config::DecisionConfig decision{Aggregation::sum_top, 7, 0.25, 0.125, "b"};
  const auto state = test::state_of({{"c", {1.0F}}, {"b", {}}, {"a", {1.0F}}}, decision);
  const DecisionRules& rules = state->table.rules();
  EXPECT_EQ(rules.aggregation, Aggregation::sum_top);
  EXPECT_EQ(rules.top_m, 7U);
  EXPECT_EQ(rules.score_threshold, 0.25);
  EXPECT_EQ(rules.margin, 0.125);
  EXPECT_EQ(rules.default_route, 1U);
}

TEST(BuildRoutingState, AnUnknownDefaultRouteIsAnError) {
  config::DecisionConfig decision;
  decision.default_route = "general";
  const auto state = build_routing_state(test::config_of({{"a", {1.0F}}}, decision));
  ASSERT_FALSE(state.ok());
  EXPECT_THAT(state.error().message, HasSubstr("\"general\""));
}

TEST(BuildRoutingState, MoreReferencesThanTheCapacityAreRefused) {
  config::Config config = test::config_of({{"a", {1.0F, 2.0F}, {3.0F}}}, {});
  config.index.capacity = 3;
  EXPECT_TRUE(build_routing_state(config).ok());
  config.index.capacity = 2;
  const auto state = build_routing_state(config);
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code, ErrorCode::resource_exhausted);
  EXPECT_THAT(state.error().message, HasSubstr("3"));
}

TEST(BuildRoutingState, AVectorThatBreaksARuleIsNamed) {
  const auto state =
      build_routing_state(test::config_of({{"a", {1.0F, 0.0F}, {1.0F, 1.0F, 0.0F, 0.0F}}}, {}, Metric::cosine, 2));
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code, ErrorCode::bad_vector);
  EXPECT_THAT(state.error().message, HasSubstr("route \"a\": negative 1"));
}

config::DecisionConfig centroid() {
  config::DecisionConfig decision;
  decision.aggregation = Aggregation::centroid;
  return decision;
}

TEST(BuildRoutingState, RoutesWithReferencesHaveTheirCentroids) {
  const auto state = test::state_of({{"c", {0.0F, 2.0F, 4.0F, 0.0F}}, {"b", {}}, {"a", {-3.0F, 0.0F}, {1.0F, 1.0F}}},
                                    centroid(), Metric::cosine, 2);
  ASSERT_NE(state->route_vectors, nullptr);
  EXPECT_EQ(state->route_vectors->count(), 2U);
  const RouteList routes = state->table.routes();
  EXPECT_EQ(routes[0].vector, 0U);
  EXPECT_FALSE(routes[1].vector.has_value());
  EXPECT_EQ(routes[2].vector, 1U);
  EXPECT_EQ(state->table.vector_owner(1), 2U);
  EXPECT_EQ(state->table.vector_owner(2), IdOwners::kNobody);
  EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 0)[0], -1.0F);
  EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 1)[0], 0.70710678F);
  EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 1)[1], 0.70710678F);
}

TEST(BuildRoutingState, OtherMetricsHavePlainMeans) {
  for (const Metric metric : {Metric::dot, Metric::euclidean, Metric::manhattan}) {
    const auto state = test::state_of({{"a", {0.0F, 2.0F, 4.0F, -2.0F}}}, centroid(), metric, 2);
    EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 0)[0], 2.0F);
    EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 0)[1], 0.0F);
  }
}

TEST(BuildRoutingState, ReferencesThatCancelEachOtherHaveNoCosineCentroid) {
  // Also when the lengths differ: it is the unit vectors that cancel.
  const std::vector<float> opposite{0.1F, 0.7F, -0.1F, -0.7F};
  const std::vector<float> uneven{1.0F, 2.0F, -3.0F, -6.0F};
  for (const auto& references : {opposite, uneven}) {
    const auto state = build_routing_state(
        test::config_of({{"fine", {1.0F, 0.0F}}, {"torn", references}}, centroid(), Metric::cosine, 2));
    ASSERT_FALSE(state.ok());
    EXPECT_EQ(state.error().code, ErrorCode::bad_vector);
    EXPECT_THAT(state.error().message, HasSubstr("route \"torn\""));
    EXPECT_TRUE(build_routing_state(test::config_of({{"torn", references}}, {}, Metric::cosine, 2)).ok());
    EXPECT_TRUE(build_routing_state(test::config_of({{"torn", references}}, centroid(), Metric::dot, 2)).ok());
  }
}

TEST(BuildRoutingState, ManyRowsLargeAndSmallMeanWithoutLosingDigits) {
  // In float32 the ones would vanish beside 2^25.
  std::vector<float> references(64, 1.0F);
  references.front() = 33'554'432.0F;
  references.back() = -33'554'432.0F;
  const auto state = test::state_of({{"a", references}}, centroid(), Metric::dot, 1);
  EXPECT_FLOAT_EQ(test::stored(*state->route_vectors, 0)[0], 62.0F / 64.0F);
}

TEST(BuildRoutingState, IsApproximateWhereScoresComeFromCodesAlone) {
  const auto is_approximate = [](std::size_t references, core::Rerank rerank, Aggregation aggregation,
                                 std::size_t negatives) {
    std::vector<float> values;
    for (std::size_t i = 0; i < 2 * references; ++i) values.push_back(static_cast<float>(i % 17) + 1.0F);
    config::DecisionConfig decision;
    decision.aggregation = aggregation;
    config::Config config =
        test::config_of({{"a", values, std::vector<float>(2 * negatives, 1.0F)}}, decision, Metric::cosine, 2);
    config.index.quantization = core::Quantization::int8;
    config.index.rerank = rerank;
    const auto state = build_routing_state(config);
    EXPECT_TRUE(state.ok());
    return (*state)->approximate;
  };
  EXPECT_TRUE(is_approximate(300, core::Rerank::none, Aggregation::max, 0));
  EXPECT_FALSE(is_approximate(300, core::Rerank::f16, Aggregation::max, 0));
  EXPECT_FALSE(is_approximate(300, core::Rerank::none, Aggregation::centroid, 0)) << "centroids are kept in full";
  EXPECT_TRUE(is_approximate(300, core::Rerank::none, Aggregation::centroid, 1)) << "its vetoes are not";
}

TEST(BuildRoutingState, MeansAreKeptWhereTheyScoreAsTheirReferencesDo) {
  config::DecisionConfig decision;
  decision.aggregation = Aggregation::mean;
  const std::vector<float> references{3.0F, 0.0F, 0.0F, 1.0F};
  const auto cosine = test::state_of({{"a", references}, {"b", {}}}, decision, Metric::cosine, 2);
  ASSERT_NE(cosine->route_vectors, nullptr);
  EXPECT_EQ(cosine->route_vectors->count(), 1U);
  EXPECT_EQ(test::stored(*cosine->route_vectors, 0), (std::vector<float>{0.5F, 0.5F})) << "of unit vectors";
  const auto dot = test::state_of({{"a", references}}, decision, Metric::dot, 2);
  EXPECT_EQ(test::stored(*dot->route_vectors, 0), (std::vector<float>{1.5F, 0.5F}));
  for (const Metric metric : {Metric::euclidean, Metric::manhattan})
    EXPECT_EQ(test::state_of({{"a", references}}, decision, metric, 2)->route_vectors, nullptr);
}

TEST(BuildRoutingState, NoRoutesIsAState) {
  const auto state = test::state_of({}, centroid());
  EXPECT_EQ(state->index->count(), 0U);
  EXPECT_EQ(state->table.most_references(), 0U);
  EXPECT_TRUE(state->table.referenced().empty());
}

}  // namespace
}  // namespace semroute::router
