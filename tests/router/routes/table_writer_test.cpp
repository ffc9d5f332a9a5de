#include "router/routes/table_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/base/limits.h"
#include "core/index/vector_rules.h"
#include "tests/core/store/memory_disk.h"
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

core::Result<void> take(const StoredRoutes::Work& work, StoredRoute&& route) {
  auto rest = work(std::move(route));
  if (!rest.ok()) return rest.error();
  return *rest ? (*rest)() : core::Result<void>{};
}

TEST_F(Writer, StoredRoutesAreTakenOnceAtTheStart) {
  StoredRoutes stored;
  stored.read = [](const StoredRoutes::Work& work) -> core::Result<void> {
    for (const char* name : {"a", "file"}) {
      StoredRoute one;
      one.content.name = name;
      one.content.references = {{6.0F, 7.0F}, {"six", ""}};
      one.version = 12;
      if (auto done = take(work, std::move(one)); !done.ok()) return done;
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
  stored.read = [](const auto&) -> core::Result<void> { return core::Error{ErrorCode::bad_request, "no sense"}; };
  const auto refused = failing.load(file_of({}), stored);
  EXPECT_EQ(refused.error().message, "no sense");
}

// Stored routes beside a graph that was kept of them.
class WriterWithGraph : public Writer {
 protected:
  static constexpr std::size_t kRoutes = 40;
  static constexpr std::size_t kRowsARoute = 8;

  // Different for each route and row.
  static std::vector<float> rows_of(std::size_t route, std::size_t count = kRowsARoute) {
    std::vector<float> rows;
    for (std::size_t row = 0; row < count; ++row) {
      rows.push_back(static_cast<float>(route * 100 + row + 1));
      rows.push_back(static_cast<float>(row * row + route));
    }
    return rows;
  }
  static std::string name_of(std::size_t route) { return std::string(1, static_cast<char>('A' + route)); }

  static config::Config config() {
    config::Config config = test::config_of({{"file", {5.0F, 3.0F, -4.0F, 1.0F}}}, {}, core::Metric::cosine, 2);
    config.index.algorithm = core::Algorithm::hnsw;
    config.index.capacity = 1'000;
    return config;
  }
  static std::vector<StoredRoute> routes() {
    std::vector<StoredRoute> all;
    for (std::size_t i = 0; i < kRoutes; ++i) {
      StoredRoute& one = all.emplace_back();
      one.content.name = name_of(i);
      one.content.references.values = rows_of(i);
      one.version = i + 1;
    }
    return all;
  }
  // As a journal hands them over: what is left to do comes after others were begun.
  static StoredRoutes stored(const std::vector<StoredRoute>& routes, std::size_t most_rows = 400) {
    StoredRoutes made;
    made.read = [routes](const StoredRoutes::Work& work) -> core::Result<void> {
      std::vector<StoredRoutes::Rest> rests;
      for (const StoredRoute& route : routes) {
        auto rest = work(StoredRoute(route));
        if (!rest.ok()) return rest.error();
        rests.push_back(std::move(rest).value());
      }
      for (const StoredRoutes::Rest& rest : rests)
        if (auto done = rest(); !done.ok()) return done;
      return {};
    };
    made.most_rows = most_rows;
    return made;
  }
  // The graph of all routes.
  core::File kept() {
    TableWriter writer;
    const auto loaded = writer.load(config(), stored(routes()));
    EXPECT_TRUE(loaded.ok());
    auto file = folder_.open("graph", core::OpenMode::create);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*loaded)->index->save_graph(*file).ok());
    return std::move(file).value();
  }
  // Every route has the rows that it was given, prepared, under ids in the order of names.
  void expect_rows(const std::string& name, const std::vector<float>& raw) {
    std::vector<float> row(2);
    std::vector<float> expected(2);
    const Route& one = route(name);
    ASSERT_EQ(one.references.count(), raw.size() / 2) << name;
    EXPECT_EQ(one.references.parts().size(), 1U) << name;
    for (std::size_t i = 0; i < raw.size() / 2; ++i) {
      ASSERT_TRUE(core::prepare_vector(core::Metric::cosine, 2, std::span(raw).subspan(2 * i, 2), expected).ok());
      ASSERT_TRUE(state().index->read(one.references.id(i), row)) << name << i;
      EXPECT_EQ(row, expected) << name << i;
    }
  }

  core::test::MemoryDisk disk_;
  core::Folder folder_{"", disk_};
};

TEST_F(WriterWithGraph, RowsGoToTheirPlaces) {
  const core::File file = kept();
  KeptGraph graph{file};
  ASSERT_TRUE(writer_.load(config(), stored(routes()), &graph).ok());
  EXPECT_FALSE(graph.problem) << graph.problem->message;
  EXPECT_EQ(state().index->count(), kRoutes * kRowsARoute + 2);
  EXPECT_EQ(writer_.inserted(), kRoutes * kRowsARoute + 2);
  expect_rows("file", {5.0F, 3.0F, -4.0F, 1.0F});
  for (std::size_t i = 0; i < kRoutes; ++i) expect_rows(name_of(i), rows_of(i));
  EXPECT_EQ(route(name_of(0)).references.id(0), 2U) << "after the file's";
  EXPECT_EQ(route(name_of(1)).references.id(0), 2U + kRowsARoute);
}

TEST_F(WriterWithGraph, WhatItHasNotIsInsertedAndWhatIsNotServedIsParked) {
  const core::File file = kept();
  for (const bool is_mean : {false, true}) {
    TableWriter writer;
    std::swap(writer_, writer);
    std::vector<StoredRoute> some = routes();
    some[3].content.references.values = rows_of(3, 12);
    some[5].content.references.values = {1.0F, 2.0F, 0.0F, 0.0F};  // no direction
    some[7].content.destination.targets = {{"nowhere", 1}};
    some[9].content.negatives.values = {0.0F, 0.0F};
    some[11].content.negatives.values = {1.0F, -1.0F};
    some[13].content.name = "file";
    KeptGraph graph{file};
    config::Config with_means = config();
    if (is_mean) with_means.decision.aggregation = Aggregation::mean;
    const auto loaded = writer_.load(with_means, stored(some), &graph);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_FALSE(graph.problem) << graph.problem->message;
    std::size_t rows = 2;
    for (std::size_t i = 0; i < kRoutes; ++i) {
      if (i == 5 || i == 7 || i == 9 || i == 13) continue;
      expect_rows(name_of(i), some[i].content.references.values);
      rows += some[i].content.references.values.size() / 2;
    }
    ASSERT_EQ(state().parked.size(), 4U);
    const auto parked = [&](std::size_t i) -> const ParkedRoute& {
      const auto found =
          std::ranges::find(state().parked, name_of(i), [](const auto& one) { return one->route->name; });
      EXPECT_NE(found, state().parked.end()) << i;
      return **found;
    };
    EXPECT_THAT(parked(5).reason, HasSubstr("reference 1"));
    EXPECT_EQ(parked(7).references.size(), 2 * kRowsARoute);
    EXPECT_THAT(parked(9).reason, HasSubstr("negative 0"));
    EXPECT_FALSE(writer_.collect());
    EXPECT_EQ(state().index->count(), rows);
    EXPECT_EQ(state().negatives->count(), 1U);
    // What was parked comes back with what it was given.
    with_means.targets.emplace_back().name = "nowhere";
    ASSERT_TRUE(writer_.load(with_means).ok());
    expect_rows(name_of(7), rows_of(7));
  }
}

// Which routes find room depends on their order alone.
TEST_F(WriterWithGraph, RoomIsGivenInTheOrderOfNames) {
  const core::File file = kept();
  config::Config small = config();
  small.index.capacity = 2 + 30 * kRowsARoute;
  for (const std::size_t most_rows : {0U, 400U}) {
    TableWriter writer;
    std::swap(writer_, writer);
    KeptGraph graph{file};
    ASSERT_TRUE(writer_.load(small, stored(routes(), most_rows), &graph).ok());
    EXPECT_EQ(state().table.routes().size(), 31U);
    ASSERT_EQ(state().parked.size(), 10U);
    EXPECT_EQ(state().parked[0]->route->name, name_of(30));
    EXPECT_EQ(state().parked[0]->references.size(), 2 * kRowsARoute);
    for (std::size_t i = 0; i < 30; ++i) expect_rows(name_of(i), rows_of(i));
  }
}

// Then most of what comes would wait in memory until the end, for nothing.
TEST_F(WriterWithGraph, OneOfFarFewerVectorsIsGivenUpBeforeTheEnd) {
  const core::File file = kept();
  config::Config large = config();
  large.index.capacity = 10'000;
  std::vector<StoredRoute> more = routes();
  for (std::size_t i = 0; i < 6 * kRoutes; ++i) {
    more.push_back(more[i % kRoutes]);
    more.back().content.name = "more" + std::to_string(1'000 + i);
    more.back().content.references.values = rows_of(kRoutes + i);
  }
  KeptGraph graph{file};
  ASSERT_TRUE(writer_.load(large, stored(more, 4'000), &graph).ok());
  ASSERT_TRUE(graph.problem);
  EXPECT_THAT(graph.problem->message, HasSubstr("the graph of far fewer vectors"));
  EXPECT_EQ(state().index->count(), 7 * kRoutes * kRowsARoute + 2);
  expect_rows(name_of(3), rows_of(3));
}

TEST_F(WriterWithGraph, WithoutUseItIsBuilt) {
  core::File file = kept();
  std::vector<StoredRoute> others = routes();
  for (StoredRoute& one : others)
    for (std::size_t i = 0; i < one.content.references.values.size(); i += 2) one.content.references.values[i] += 0.5F;
  KeptGraph graph{file};
  ASSERT_TRUE(writer_.load(config(), stored(others), &graph).ok());
  ASSERT_TRUE(graph.problem);
  EXPECT_EQ(graph.problem->code, ErrorCode::conflict);
  for (std::size_t i = 0; i < kRoutes; ++i) expect_rows(name_of(i), others[i].content.references.values);
  EXPECT_EQ(writer_.inserted(), kRoutes * kRowsARoute + 2);

  ASSERT_TRUE(file.write_at(8'200, std::as_bytes(std::span("damage"))).ok());
  TableWriter writer;
  std::swap(writer_, writer);
  KeptGraph damaged{file};
  ASSERT_TRUE(writer_.load(config(), stored(routes()), &damaged).ok());
  ASSERT_TRUE(damaged.problem);
  EXPECT_EQ(damaged.problem->code, ErrorCode::damaged);
  for (std::size_t i = 0; i < kRoutes; ++i) expect_rows(name_of(i), rows_of(i));
}

TEST_F(Writer, VectorsThatTheMetricDoesNotTakeAreParked) {
  StoredRoutes stored;
  stored.read = [](const StoredRoutes::Work& work) {
    StoredRoute one;
    one.content.name = "zero";
    one.content.references = {{1.0F, 0.0F, 0.0F, 0.0F}, {}};
    one.version = 3;
    return take(work, std::move(one));
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
