// Exact search as a property: whatever the metric, the dimension, the codes beside the vectors, duplicates and k, a
// scan finds just what scoring every vector finds, in the same order and to the bit.
#include <gtest/gtest.h>

#include <random>

#include "tests/core/index/vectors.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::exact_hits;
using testing::kMetrics;
using testing::make_index;

void expect_same(const std::vector<Hit>& found, const std::vector<Hit>& expected, const std::string& where) {
  ASSERT_EQ(found.size(), expected.size()) << where;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].id, expected[i].id)
        << where << ", place " << i << ": score " << found[i].score << " instead of " << expected[i].score;
    ASSERT_EQ(found[i].score, expected[i].score) << where << ", place " << i;
  }
}

struct Case {
  std::size_t dimension;
  std::size_t count;
};

class ExactSearch : public ::testing::TestWithParam<Metric> {};

TEST_P(ExactSearch, FindsWhatScoringEveryVectorFinds) {
  const Metric metric = GetParam();
  const Case cases[] = {{1, 400},  {2, 0},      {3, 1},      {7, 63},     {16, 64},   {17, 65},
                        {64, 700}, {100, 2000}, {384, 1500}, {1000, 300}, {4096, 270}};
  // An emulator notes every page that an index reserves: gigabytes for the two last ones.
  for (const auto& [dimension, count] : std::span(cases).first(test::runs_slowly() ? 9 : std::size(cases))) {
    IndexParams params;
    params.metric = metric;
    params.dimension = dimension;
    params.algorithm = Algorithm::flat;
    const auto index = make_index(params);
    auto rows = testing::clustered_vectors(metric, count, dimension, 11 * dimension + count);
    // A third of the rows repeats others: ties.
    for (std::size_t row = 2; row < count; row += 3)
      std::copy_n(rows.data() + (row / 2) * dimension, dimension, rows.data() + row * dimension);
    ASSERT_TRUE(index->insert(ascending_ids(count, 5), rows).ok());
    const std::size_t asked = test::runs_slowly() ? 4 : 12;
    const auto queries = testing::clustered_vectors(metric, asked, dimension, 5);
    for (std::size_t q = 0; q < asked; ++q) {
      // Some queries are stored vectors themselves.
      const auto query = q % 3 == 0 && count > q ? std::span<const float>(rows).subspan(q * dimension, dimension)
                                                 : std::span<const float>(queries).subspan(q * dimension, dimension);
      for (const std::size_t k : {std::size_t{1}, std::size_t{10}, std::size_t{100}, count, count + 7}) {
        if (k == 0) continue;
        expect_same(
            testing::search(*index, query, k), exact_hits(*index, query, {5, count}, k),
            "dimension " + std::to_string(dimension) + ", count " + std::to_string(count) + ", k " + std::to_string(k));
      }
    }
  }
}

TEST_P(ExactSearch, ScoresAreThoseOfFloat64) {
  const Metric metric = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = 131;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  const auto rows = testing::clustered_vectors(metric, 600, 131, 3);
  ASSERT_TRUE(index->insert(ascending_ids(600), rows).ok());
  const auto query = std::span<const float>(rows).subspan(131 * 7, 131);
  for (const Hit& hit : testing::search(*index, query, 600)) {
    const double expected =
        testing::score_in_float64(metric, query, std::span<const float>(rows).subspan(hit.id * 131, 131));
    ASSERT_NEAR(hit.score, expected, 1e-5 * std::max(1.0, std::fabs(expected))) << "id " << hit.id;
  }
}

TEST_P(ExactSearch, BoundsAreNeverBelowAScoreAndNotFarAbove) {
  const Metric metric = GetParam();
  for (const Rerank rerank : {Rerank::f32, Rerank::f16}) {
    IndexParams params;
    params.metric = metric;
    params.dimension = 80;
    params.algorithm = Algorithm::flat;
    params.quantization = Quantization::int8;
    params.rerank = rerank;
    const auto index = make_index(params);
    EXPECT_FALSE(index->has_bounds()) << "nothing was learned yet";
    const std::size_t count = 500;
    ASSERT_TRUE(index->insert(ascending_ids(count, 7), testing::clustered_vectors(metric, count, 80, 2)).ok());
    // The same ids in other places, of vectors unlike those that were learned from.
    ASSERT_TRUE(index->insert(ascending_ids(50, 100), testing::clustered_vectors(metric, 50, 80, 3)).ok());
    ASSERT_TRUE(index->has_bounds());
    const auto queries = testing::clustered_vectors(metric, 10, 80, 4);
    std::vector<float> scores(count);
    std::vector<float> most(count);
    double widest = 0.0;
    for (std::size_t q = 0; q < 10; ++q) {
      const auto query = std::span<const float>(queries).subspan(q * 80, 80);
      index->score(query, {7, count}, scores);
      index->bound(query, {7, count}, most);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_GE(most[i], scores[i]) << "query " << q << ", id " << 7 + i;
        if (i < 93 || i >= 143) widest = std::max(widest, double{most[i]} - double{scores[i]});
      }
    }
    EXPECT_LE(widest, metric == Metric::dot ? 10.0 : 0.1);
  }
}

TEST_P(ExactSearch, FindsWhatPassesAFilter) {
  const Metric metric = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = 48;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  const std::size_t count = 3000;
  const auto rows = testing::clustered_vectors(metric, count, 48, 21);
  ASSERT_TRUE(index->insert(ascending_ids(count, 1000), rows).ok());
  std::mt19937_64 random(1);
  for (const double share : {0.5, 0.1, 0.01, 0.001, 0.0}) {
    IdSet filter(IdRange{900, count + 200});  // reaches beyond the ids there are
    for (std::size_t i = 0; i < count; ++i)
      if (std::generate_canonical<double, 32>(random) < share) filter.add(1000 + i);
    filter.add(905);
    const SearchOptions options{0, &filter};
    const auto query = std::span<const float>(rows).subspan(48 * 99, 48);
    const auto found = testing::search(*index, query, 10, options);
    expect_same(found, exact_hits(*index, query, {1000, count}, 10, &filter), "share " + std::to_string(share));
  }
}

TEST_P(ExactSearch, SeveralQueriesAtOnceFindWhatEachFinds) {
  const Metric metric = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = 96;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(900), testing::clustered_vectors(metric, 900, 96, 2)).ok());
  const std::size_t n = 19;
  const auto queries = testing::clustered_vectors(metric, n, 96, 4);
  for (const std::size_t k : {std::size_t{5}, std::size_t{1000}}) {
    std::vector<Hit> hits(n * k);
    std::vector<std::size_t> counts(n);
    index->search_many(queries, k, hits, counts);
    for (std::size_t q = 0; q < n; ++q) {
      const auto query = std::span<const float>(queries).subspan(q * 96, 96);
      expect_same({hits.begin() + static_cast<std::ptrdiff_t>(q * k),
                   hits.begin() + static_cast<std::ptrdiff_t>(q * k + counts[q])},
                  testing::search(*index, query, k), "query " + std::to_string(q));
    }
  }
}

// Numbers far outside what the codes were trained on cost time, never an answer.
TEST_P(ExactSearch, StaysExactWhenLaterVectorsAreUnlikeTheTrainingOnes) {
  const Metric metric = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = 40;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  auto rows = testing::clustered_vectors(metric, 1200, 40, 8);
  for (std::size_t i = 400 * 40; i < rows.size(); ++i)
    if (metric != Metric::cosine) rows[i] *= i % 7 == 0 ? 1e6F : 30.0F;
  for (std::size_t row = 0; row < 1200; ++row)
    ASSERT_TRUE(index->insert(row, std::span<const float>(rows).subspan(row * 40, 40)).ok());
  for (const std::size_t q : {std::size_t{0}, std::size_t{399}, std::size_t{400}, std::size_t{1100}}) {
    const auto query = std::span<const float>(rows).subspan(q * 40, 40);
    expect_same(testing::search(*index, query, 20), exact_hits(*index, query, {0, 1200}, 20),
                "query " + std::to_string(q));
  }
}

TEST_P(ExactSearch, TakesZeroAndHugeVectors) {
  const Metric metric = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = 24;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  std::vector<float> rows(700 * 24, 0.0F);
  std::mt19937_64 random(2);
  std::normal_distribution<float> normal;
  for (std::size_t row = 0; row < 700; ++row) {
    const std::span<float> vector(rows.data() + row * 24, 24);
    const float size = metric == Metric::cosine ? 1.0F : row % 3 == 0 ? 0.0F : row % 3 == 1 ? 1.0F : 1e17F;
    for (float& number : vector) number = size * normal(random);
    ASSERT_TRUE(prepare_vector(metric, 24, vector, vector).ok());
  }
  ASSERT_TRUE(index->insert(ascending_ids(700), rows).ok());
  for (std::size_t q = 0; q < 6; ++q) {
    const auto query = std::span<const float>(rows).subspan(q * 24, 24);
    expect_same(testing::search(*index, query, 30), exact_hits(*index, query, {0, 700}, 30),
                "query " + std::to_string(q));
  }
}

TEST(ExactSearch, ThousandsOfEqualVectorsTieBySmallerId) {
  IndexParams params;
  params.dimension = 32;
  params.algorithm = Algorithm::flat;
  const auto index = make_index(params);
  const auto one = testing::clustered_vectors(Metric::cosine, 1, 32, 1);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 5000; ++i) rows.insert(rows.end(), one.begin(), one.end());
  auto ids = ascending_ids(5000);
  std::shuffle(ids.begin(), ids.end(), std::mt19937_64(3));
  ASSERT_TRUE(index->insert(ids, rows).ok());
  const auto found = testing::search(*index, one, 50);
  ASSERT_EQ(found.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(found[i].id, i);
}

INSTANTIATE_TEST_SUITE_P(EveryMetric, ExactSearch, ::testing::ValuesIn(kMetrics),
                         [](const auto& metric) { return std::string(to_string(metric.param)); });

}  // namespace
}  // namespace semroute::core
