#include "router/routes/table_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/base/limits.h"
#include "tests/router/changes/changes.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

config::Config file_of(const std::vector<test::RouteSpec>& routes, Aggregation aggregation = Aggregation::max) {
  config::DecisionConfig rules = test::max_at(0.5);
  rules.aggregation = aggregation;
  config::Config config = test::config_of(routes, rules);
  config.file = "routes.yaml";
  config.index.capacity = 1'000;
  return config;
}

class Writer : public testing::Test {
 protected:
  void load(const config::Config& config) {
    const auto loaded = writer_.load(config);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  }
  core::Result<void> apply(const RouteChange& change) { return writer_.apply({&change, 1}, ++revision_); }
  void change(const RouteChange& change) {
    const auto done = apply(change);
    ASSERT_TRUE(done.ok()) << done.error().message;
    (void)writer_.finish();
  }
  const RoutingState& state() { return *writer_.newest(); }
  const Route& route(const std::string& name) { return state().table.routes()[state().table.find(name).value()]; }
  std::vector<float> values(const std::string& name) {
    std::vector<float> made;
    for (const core::ReferenceId id : route(name).references.ids()) made.push_back(test::stored(*state().index, id)[0]);
    return made;
  }

  TableWriter writer_;
  std::uint64_t revision_ = 1;
};

// What a reload inserts and removes is what differs.
TEST_F(Writer, AReloadMovesOnlyWhatDiffers) {
  std::vector<float> many(500);
  std::iota(many.begin(), many.end(), 1.0F);
  load(file_of({{"a", many, {5.0F}}, {"b", {1.0F, 2.0F, 3.0F}}, {"c", {9.0F}}}));
  EXPECT_EQ(writer_.inserted(), 505U);
  change(test::put("run", {7.0F}));
  EXPECT_EQ(writer_.inserted(), 506U);
  const auto expect_moved = [&](const config::Config& config, std::uint64_t inserted, std::uint64_t removed) {
    const std::uint64_t inserted_before = writer_.inserted();
    const std::uint64_t removed_before = writer_.removed();
    load(config);
    EXPECT_FALSE(writer_.collect());
    EXPECT_EQ(writer_.inserted() - inserted_before, inserted);
    EXPECT_EQ(writer_.removed() - removed_before, removed);
  };
  expect_moved(file_of({{"a", many, {5.0F}}, {"b", {1.0F, 2.0F, 3.0F}}, {"c", {9.0F}}}), 0, 0);
  many[100] = -1.0F;
  expect_moved(file_of({{"a", many, {5.0F}}, {"b", {1.0F, 2.0F, 3.0F}}, {"c", {9.0F}}}), 1, 1);
  EXPECT_EQ(values("a"), many);
  expect_moved(file_of({{"a", many, {5.0F}}, {"b", {3.0F, 2.0F, 1.0F, 2.0F}}, {"c", {9.0F}}}), 1, 0);
  EXPECT_THAT(values("b"), ElementsAre(3.0F, 2.0F, 1.0F, 2.0F)) << "moved, and a twin";
  expect_moved(file_of({{"a", many, {5.0F, 6.0F}}, {"d", {1.0F}}}), 2, 5);
  many.erase(many.begin(), many.begin() + 250);
  expect_moved(file_of({{"a", many}, {"d", {1.0F}}}), 0, 252);
  EXPECT_EQ(values("a"), many);
  EXPECT_THAT(values("run"), ElementsAre(7.0F));
  // So many pieces that the route is put together again.
  for (std::size_t i = 0; i < many.size(); i += 2) many[i] = -many[i] - 0.5F;
  expect_moved(file_of({{"a", many}, {"d", {1.0F}}}), 250 + 125, 250 + 125);
  EXPECT_EQ(route("a").references.parts().size(), 1U);
  EXPECT_EQ(values("a"), many);
}

// Building a large graph takes minutes: how far it is, is told in between.
TEST_F(Writer, ALoadTellsHowManyRowsAreIn) {
  std::vector<float> many(20'000);
  std::iota(many.begin(), many.end(), 1.0F);
  config::Config config = file_of({{"a", many, {5.0F}}});
  config.index.capacity = 30'000;
  config.index.algorithm = core::Algorithm::hnsw;
  std::vector<std::size_t> told;
  const auto loaded = writer_.load(config, {}, nullptr, [&](std::size_t rows) { told.push_back(rows); });
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_GE(told.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_EQ(told.back(), many.size());
  EXPECT_EQ(state().index->count(), many.size());
}

TEST_F(Writer, RowsStayWhileAnOlderTableIsHeld) {
  load(file_of({{"file", {1.0F}}}));
  change(test::put("a", {2.0F, 3.0F}));
  auto held = writer_.newest();
  change(test::put("a", {4.0F}));
  change(test::patch("a", {5.0F}, {0}));
  EXPECT_TRUE(writer_.collect());
  EXPECT_EQ(state().index->count(), 5U);
  std::vector<float> vector(1);
  for (const core::ReferenceId id : held->table.routes()[0].references.ids())
    EXPECT_TRUE(held->index->read(id, vector));
  held.reset();
  EXPECT_FALSE(writer_.collect());
  EXPECT_EQ(state().index->count(), 2U);
  EXPECT_EQ(writer_.removed(), 3U);
}

TEST_F(Writer, ManyPatchesLeaveFewRanges) {
  load(file_of({{"file", {1.0F}}}));
  change(test::put("a", {0.0F}));
  change(test::put("b", {0.0F}));
  std::vector<float> expected{0.0F};
  for (int i = 1; i < 300; ++i) {
    const auto number = static_cast<float>(i);
    change(test::patch("a", {number}, {}));
    change(test::patch("b", {number}, {}));  // so that no two ranges of a go on from one another
    expected.push_back(number);
    EXPECT_LE(route("a").references.parts().size(), core::kMaxRangesOfRoute);
  }
  EXPECT_EQ(values("a"), expected);
  EXPECT_FALSE(writer_.collect());
  EXPECT_EQ(state().index->count(), 601U);
}

TEST_F(Writer, WhatIsRefusedLeavesNothing) {
  load(file_of({{"file", {1.0F}}}));
  change(test::put("a", {2.0F}));
  const std::vector<RouteChange> changes{test::put("b", {3.0F, 4.0F}), test::erase("a"), test::erase("none")};
  const auto done = writer_.apply(changes, 9);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::not_found);
  EXPECT_FALSE(writer_.has_draft());
  RouteChange bad = test::put("b", {3.0F}, 1, {1e30F});
  EXPECT_EQ(apply(bad).error().code, ErrorCode::bad_vector);
  EXPECT_EQ(state().index->count(), 2U);
  EXPECT_EQ(state().negatives->count(), 0U);
  ASSERT_TRUE(apply(test::put("b", {3.0F})).ok());
  writer_.abandon();
  EXPECT_EQ(state().index->count(), 2U);
  EXPECT_FALSE(state().table.find("b"));
  EXPECT_EQ(apply(test::erase("b")).error().code, ErrorCode::not_found);
}

TEST_F(Writer, RoutesWithoutRoomAreParkedUntilThereIsSome) {
  config::Config config = file_of({{"file", {1.0F}}});
  config.index.capacity = 6;
  load(config);
  change(test::put("a", {1.0F, 2.0F}, 1, {3.0F}));
  change(test::put("b", {4.0F, 5.0F}));
  config::Config larger = config;
  larger.routes[0].references.values = {1.0F, 2.0F, 3.0F};
  load(larger);
  ASSERT_EQ(state().parked.size(), 1U);
  EXPECT_EQ(state().parked[0]->route->name, "b");
  EXPECT_EQ(state().parked[0]->reference_count, 2U);
  EXPECT_THAT(state().parked[0]->reason, HasSubstr("no room for its 2 references and negatives"));
  EXPECT_EQ(state().find_parked("b"), state().parked[0].get());
  EXPECT_EQ(state().find_parked("a"), nullptr);
  EXPECT_FALSE(writer_.collect());
  EXPECT_EQ(state().index->count(), 5U) << "its rows are outside of the index";
  load(config);
  EXPECT_TRUE(state().parked.empty());
  EXPECT_THAT(values("b"), ElementsAre(4.0F, 5.0F));
}

TEST_F(Writer, AnotherAggregationMakesTheVectorsOfAllRoutes) {
  load(file_of({{"file", {1.0F, 3.0F}}}));
  change(test::put("a", {2.0F, 4.0F}));
  load(file_of({{"file", {1.0F, 3.0F}}}, Aggregation::centroid));
  ASSERT_NE(state().route_vectors, nullptr);
  EXPECT_FLOAT_EQ(test::stored(*state().route_vectors, *route("a").vector)[0], 3.0F);
  EXPECT_FLOAT_EQ(test::stored(*state().route_vectors, *route("file").vector)[0], 2.0F);
  change(test::patch("a", {9.0F}, {}));
  EXPECT_FLOAT_EQ(test::stored(*state().route_vectors, *route("a").vector)[0], 5.0F);
  load(file_of({{"file", {1.0F, 3.0F}}}, Aggregation::mean));
  EXPECT_FLOAT_EQ(test::stored(*state().route_vectors, *route("a").vector)[0], 5.0F);
  EXPECT_FALSE(writer_.collect());
  EXPECT_EQ(state().route_vectors->count(), 2U);
  load(file_of({{"file", {1.0F, 3.0F}}}));
  EXPECT_EQ(state().route_vectors, nullptr);
  EXPECT_FALSE(route("a").vector.has_value());
}

TEST_F(Writer, StoredRoutesAreTakenOnceAtTheStart) {
  const StoredRoutes stored = [](const std::function<core::Result<void>(StoredRoute &&)>& visit) -> core::Result<void> {
    for (const char* name : {"a", "file"}) {
      StoredRoute one;
      one.content.name = name;
      one.content.references = {{6.0F, 7.0F}, {"six", ""}};
      one.version = 12;
      if (auto done = visit(std::move(one)); !done.ok()) return done;
    }
    return {};
  };
  ASSERT_TRUE(writer_.load(file_of({{"file", {1.0F}}}), stored).ok());
  EXPECT_EQ(route("a").version, 12U);
  EXPECT_EQ(route("a").source, RouteSource::run_time);
  EXPECT_THAT(route("a").reference_texts, ElementsAre("six", ""));
  EXPECT_THAT(values("file"), ElementsAre(1.0F)) << "the file rules";
  ASSERT_EQ(state().parked.size(), 1U);
  EXPECT_EQ(state().parked[0]->route->version, 12U);
  load(file_of({{"other", {1.0F}}}));
  EXPECT_THAT(values("file"), ElementsAre(6.0F, 7.0F));
  EXPECT_TRUE(state().parked.empty());
  TableWriter failing;
  const auto refused = failing.load(file_of({}), [](const auto&) -> core::Result<void> {
    return core::Error{ErrorCode::bad_request, "no sense"};
  });
  EXPECT_EQ(refused.error().message, "no sense");
}

TEST_F(Writer, VectorsThatTheMetricDoesNotTakeAreParked) {
  const StoredRoutes stored = [](const std::function<core::Result<void>(StoredRoute &&)>& visit) {
    StoredRoute one;
    one.content.name = "zero";
    one.content.references = {{1.0F, 0.0F, 0.0F, 0.0F}, {}};
    one.version = 3;
    return visit(std::move(one));
  };
  const config::Config config = test::config_of({{"file", {1.0F, 0.0F}}}, {}, core::Metric::cosine, 2);
  ASSERT_TRUE(writer_.load(config, stored).ok());
  ASSERT_EQ(state().parked.size(), 1U);
  EXPECT_THAT(state().parked[0]->reason, HasSubstr("reference 1 has the norm 0"));
  EXPECT_EQ(state().index->count(), 1U);
  RouteChange patch = test::patch("zero", {1.0F, 1.0F}, {}, 2);
  EXPECT_EQ(apply(patch).error().code, ErrorCode::conflict);
  load(config);
  EXPECT_EQ(state().parked.size(), 1U) << "nothing but a restart could help";
  change(test::put("zero", {1.0F, 1.0F}, 2));
  EXPECT_TRUE(state().parked.empty());
}

}  // namespace
}  // namespace semroute::router
