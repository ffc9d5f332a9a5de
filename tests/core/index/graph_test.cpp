// Searches that walk the graph: recall, filters, removal, replacing, equal vectors.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/core/index/vectors.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::kMetrics;
using testing::make_index;

IndexParams graph_params(Metric metric, std::size_t dimension) {
  IndexParams params;
  params.metric = metric;
  params.dimension = dimension;
  params.algorithm = Algorithm::hnsw;
  return params;
}

void expect_well_formed(const std::vector<Hit>& hits) {
  std::set<ReferenceId> seen;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_TRUE(seen.insert(hits[i].id).second) << "id " << hits[i].id << " twice";
    if (i > 0) {
      EXPECT_TRUE(better(hits[i - 1], hits[i])) << "place " << i;
    }
  }
}

class Graph : public ::testing::TestWithParam<Metric> {};

TEST_P(Graph, FindsNearlyAllOfTheNearest) {
  for (const std::size_t dimension : {std::size_t{2}, std::size_t{24}, std::size_t{100}}) {
    const auto index = make_index(graph_params(GetParam(), dimension));
    const std::size_t count = 3000;
    ASSERT_TRUE(
        index->insert(ascending_ids(count), testing::clustered_vectors(GetParam(), count, dimension, 1, 200), 2).ok());
    const auto queries = testing::clustered_vectors(GetParam(), 60, dimension, 2, 200);
    EXPECT_TRUE(index->walks());
    EXPECT_GE(testing::recall(*index, queries, {0, count}, 10, {128, nullptr}), 0.97) << "dimension " << dimension;
    const auto hits = testing::search(*index, std::span<const float>(queries).first(dimension), 10);
    EXPECT_EQ(hits.size(), 10U);
    expect_well_formed(hits);
  }
}

// Every vector is found by a search for itself.
TEST_P(Graph, ReachesEveryVector) {
  const std::size_t dimension = 12;
  const std::size_t count = 5000;
  const auto index = make_index(graph_params(GetParam(), dimension));
  const auto rows = testing::clustered_vectors(GetParam(), count, dimension, 9, 5);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows, 2).ok());
  std::size_t lost = 0;
  for (std::size_t row = 0; row < count; ++row) {
    const auto query = std::span<const float>(rows).subspan(row * dimension, dimension);
    const auto best = testing::exact_hits(*index, query, {0, count}, 1);
    const auto hits = testing::search(*index, query, 1, {200, nullptr});
    ASSERT_EQ(hits.size(), 1U);
    lost += hits[0].score == best[0].score ? 0 : 1;
  }
  // Under dot the nearest is not the vector itself, and the longest are far from all others.
  EXPECT_LE(lost, GetParam() == Metric::dot ? count / 100 : count / 1000);
}

TEST_P(Graph, GivesAllThatPassAFilterHoweverFew) {
  const std::size_t dimension = 16;
  const std::size_t count = 4000;
  const auto index = make_index(graph_params(GetParam(), dimension));
  const auto rows = testing::clustered_vectors(GetParam(), count, dimension, 3, 50);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  const auto queries = testing::clustered_vectors(GetParam(), 30, dimension, 4, 50);
  std::mt19937_64 random(5);
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    IdSet filter(IdRange{0, count});
    for (std::size_t i = 0; i < count; ++i)
      if (std::generate_canonical<double, 32>(random) < share) filter.add(i);
    for (std::size_t q = 0; q < 30; ++q) {
      const auto hits =
          testing::search(*index, std::span<const float>(queries).subspan(q * dimension, dimension), 10, {0, &filter});
      EXPECT_EQ(hits.size(), std::min<std::size_t>(10, filter.count()));
      for (const Hit& hit : hits) EXPECT_TRUE(filter.contains(hit.id));
      expect_well_formed(hits);
    }
    EXPECT_GE(testing::recall(*index, queries, {0, count}, 10, {0, &filter}), 0.95) << "share " << share;
  }
  // All that pass lie together, far from the query.
  IdSet far_ones(IdRange{0, count});
  const auto query = std::span<const float>(queries).first(dimension);
  const auto all = testing::exact_hits(*index, query, {0, count}, count);
  for (std::size_t i = count - 300; i < count; ++i) far_ones.add(all[i].id);
  const auto hits = testing::search(*index, query, 10, {0, &far_ones});
  ASSERT_EQ(hits.size(), 10U);
  EXPECT_EQ(hits[0].id, all[count - 300].id);
}

// Faults 46 and 48: all deleted and inserted again, in pieces, and every id replaced.
TEST_P(Graph, KeepsItsRecallThroughRemovalAndReplacement) {
  const std::size_t dimension = 20;
  const std::size_t count = 3000;
  const Metric metric = GetParam();
  const auto queries = testing::clustered_vectors(metric, 50, dimension, 7, 100);
  const auto first = testing::clustered_vectors(metric, count, dimension, 6, 100);
  const auto second = testing::clustered_vectors(metric, count, dimension, 8, 100);
  const auto fresh = make_index(graph_params(metric, dimension));
  ASSERT_TRUE(fresh->insert(ascending_ids(count), second).ok());
  const double expected = testing::recall(*fresh, queries, {0, count}, 10);

  const auto index = make_index(graph_params(metric, dimension));
  ASSERT_TRUE(index->insert(ascending_ids(count), first).ok());
  const std::size_t graph_bytes = index->bytes().graph;
  auto ids = ascending_ids(count);
  std::mt19937_64 random(9);
  std::shuffle(ids.begin(), ids.end(), random);
  for (std::size_t i = 0; i < count; ++i) {
    const auto vector = std::span<const float>(second).subspan(ids[i] * dimension, dimension);
    if (i % 2 == 0) {
      ASSERT_TRUE(index->remove(ids[i]));
    }
    ASSERT_TRUE(index->insert(ids[i], vector).ok());
    ASSERT_EQ(index->count(), count);
  }
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10), expected - 0.01);
  EXPECT_LE(static_cast<double>(index->bytes().graph), 1.2 * static_cast<double>(graph_bytes));
  std::vector<float> kept(dimension);
  for (std::size_t id = 0; id < count; ++id) {
    ASSERT_TRUE(index->read(id, kept));
    ASSERT_TRUE(std::equal(kept.begin(), kept.end(), second.begin() + static_cast<std::ptrdiff_t>(id * dimension)));
  }

  EXPECT_EQ(index->remove(ascending_ids(count)), count);
  EXPECT_EQ(index->count(), 0U);
  EXPECT_TRUE(testing::search(*index, std::span<const float>(queries).first(dimension), 10).empty());
  ASSERT_TRUE(index->insert(ascending_ids(count), second).ok());
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10), expected - 0.01);
}

// Nothing is inserted that would bring new links: those of the nodes that go have to be made up for.
TEST(Graph, KeepsItsRecallWhenMostIsRemoved) {
  const std::size_t dimension = 48;
  const std::size_t count = 4'000;
  const std::size_t left = count / 8;
  const Metric metric = Metric::cosine;
  const auto queries = testing::clustered_vectors(metric, 100, dimension, 7, 100);
  const auto rows = testing::clustered_vectors(metric, count, dimension, 6, 100);
  IndexParams params = graph_params(metric, dimension);
  params.hnsw = {.m = 8, .ef_construction = 80, .ef_search = 20};
  const auto fresh = make_index(params);
  ASSERT_TRUE(fresh->insert(ascending_ids(left), std::span<const float>(rows).first(left * dimension)).ok());
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  auto gone = ascending_ids(count - left, left);
  std::mt19937_64 random(9);
  std::shuffle(gone.begin(), gone.end(), random);
  for (const ReferenceId id : gone) ASSERT_TRUE(index->remove(id));
  EXPECT_GE(testing::recall(*index, queries, {0, left}, 10), testing::recall(*fresh, queries, {0, left}, 10) - 0.02);
}

INSTANTIATE_TEST_SUITE_P(EveryMetric, Graph, ::testing::ValuesIn(kMetrics),
                         [](const auto& metric) { return std::string(to_string(metric.param)); });

// Fault 49.
TEST(Graph, StaysConnectedAroundThousandsOfEqualVectors) {
  const std::size_t dimension = 16;
  const auto index = make_index(graph_params(Metric::cosine, dimension));
  const auto others = testing::clustered_vectors(Metric::cosine, 2000, dimension, 3, 40);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 4000; ++i) {
    const std::size_t row = i % 2 == 0 ? i / 2 : 7;  // every second one is the same
    rows.insert(rows.end(), others.begin() + static_cast<std::ptrdiff_t>(row * dimension),
                others.begin() + static_cast<std::ptrdiff_t>((row + 1) * dimension));
  }
  ASSERT_TRUE(index->insert(ascending_ids(4000), rows).ok());
  std::size_t lost = 0;
  for (std::size_t row = 0; row < 2000; ++row) {
    const auto query = std::span<const float>(others).subspan(row * dimension, dimension);
    const auto best = testing::exact_hits(*index, query, {0, 4000}, 1);
    const auto hits = testing::search(*index, query, 1);
    lost += hits.size() == 1 && hits[0].score == best[0].score ? 0 : 1;
  }
  EXPECT_LE(lost, 10U);
  const auto query = std::span<const float>(others).subspan(7 * dimension, dimension);
  const auto once = testing::search(*index, query, 20);
  const auto again = testing::search(*index, query, 20);
  const auto exact = testing::exact_hits(*index, query, {0, 4000}, 20);
  ASSERT_EQ(once.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(once[i].id, exact[i].id) << "of those that tie, the smallest ids";
    EXPECT_EQ(once[i].id, again[i].id);
  }
}

// The longest vectors would take all links if the graph were made by inner products.
TEST(Graph, FindsTheLargestInnerProductsAmongNormsOneToTen) {
  const std::size_t dimension = 32;
  const std::size_t count = 8000;
  auto rows = testing::clustered_vectors(Metric::cosine, count, dimension, 4, 400);
  std::mt19937_64 random(8);
  std::uniform_real_distribution<float> norm(1.0F, 10.0F);
  for (std::size_t row = 0; row < count; ++row) {
    const float size = norm(random);
    for (std::size_t i = 0; i < dimension; ++i) rows[row * dimension + i] *= size;
  }
  const auto index = make_index(graph_params(Metric::dot, dimension));
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  const auto queries = testing::clustered_vectors(Metric::cosine, 100, dimension, 5, 400);
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10), 0.95);
}

TEST(Graph, HoldsOneAndNone) {
  const auto index = make_index(graph_params(Metric::euclidean, 3));
  const std::vector<float> vector{1.0F, 2.0F, 3.0F};
  EXPECT_TRUE(testing::search(*index, vector, 5).empty());
  ASSERT_TRUE(index->insert(77, vector).ok());
  const auto hits = testing::search(*index, vector, 5);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].id, 77U);
  EXPECT_EQ(hits[0].score, 1.0F);
  EXPECT_TRUE(index->remove(77));
  EXPECT_FALSE(index->remove(77));
  EXPECT_TRUE(testing::search(*index, vector, 5).empty());
}

}  // namespace
}  // namespace semroute::core
