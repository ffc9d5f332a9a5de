// What index.h promises, while it scans.
#include "core/index/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/base/limits.h"
#include "core/index/vector_rules.h"

namespace semroute::core {
namespace {

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

std::unique_ptr<Index> flat_index(Metric metric, std::size_t dimension, std::size_t capacity,
                                  const Kernels& kernels = active_kernels()) {
  IndexParams params;
  params.metric = metric;
  params.dimension = dimension;
  params.algorithm = Algorithm::flat;
  params.capacity = capacity;
  auto made = Index::create(params, kernels);
  EXPECT_TRUE(made.ok());
  return std::move(made).value();
}

std::vector<float> stored(const Index& index, ReferenceId id) {
  std::vector<float> vector(index.params().dimension);
  EXPECT_TRUE(index.read(id, vector)) << id;
  return vector;
}

using Vectors = std::map<ReferenceId, std::vector<float>>;

std::vector<float> prepared(Metric metric, std::vector<float> vector) {
  EXPECT_TRUE(prepare_vector(metric, vector.size(), vector, vector).ok());
  return vector;
}

std::vector<float> random_vector(Metric metric, std::size_t dimension, std::mt19937& random) {
  std::normal_distribution<float> number;
  std::vector<float> vector(dimension);
  for (float& value : vector) value = number(random);
  return prepared(metric, vector);
}

double exact_score(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0.0;
  double squares = 0.0;
  double magnitudes = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    squares += difference * difference;
    magnitudes += std::fabs(difference);
  }
  switch (metric) {
    case Metric::cosine: return std::clamp(dot, -1.0, 1.0);
    case Metric::dot: return dot;
    case Metric::euclidean: return 1.0 / (1.0 + std::sqrt(squares));
    case Metric::manhattan: return 1.0 / (1.0 + magnitudes);
  }
  return 0.0;
}

std::vector<Hit> search(const Index& index, const std::vector<float>& query, std::size_t k) {
  std::vector<Hit> hits(std::min(k, index.count()));
  hits.resize(index.search(query, k, hits));
  return hits;
}

// Against float64 over every vector: the i-th hit scores what the i-th best scores, and each hit's score
// is its own. And to the bit: hits come by score, then by id, with the scores that score() gives.
void expect_exact(const Index& index, const Vectors& vectors, const std::vector<float>& query, std::size_t k) {
  std::vector<double> best;
  std::vector<Hit> ranked;
  for (const auto& [id, vector] : vectors) {
    best.push_back(exact_score(index.params().metric, query, vector));
    float score = 0.0F;
    index.score(query, IdRange{.first = id, .count = 1}, std::span(&score, 1));
    ranked.push_back({id, score});
  }
  std::sort(best.rbegin(), best.rend());
  std::sort(ranked.begin(), ranked.end(),
            [](const Hit& a, const Hit& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });

  const std::vector<Hit> hits = search(index, query, k);
  ASSERT_EQ(hits.size(), std::min(k, vectors.size()));
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const double tolerance =
        2e-6 * (1.0 + std::fabs(best[i])) * std::sqrt(static_cast<double>(index.params().dimension));
    ASSERT_NEAR(hits[i].score, best[i], tolerance) << "rank " << i;
    ASSERT_NEAR(hits[i].score, exact_score(index.params().metric, query, vectors.at(hits[i].id)), tolerance)
        << "rank " << i;
    ASSERT_EQ(hits[i].id, ranked[i].id) << "rank " << i;
    ASSERT_EQ(hits[i].score, ranked[i].score) << "rank " << i;
  }
}

class EveryMetric : public ::testing::TestWithParam<Metric> {};

TEST_P(EveryMetric, SearchIsExactOverRandomShapesWithDuplicates) {
  const Metric metric = GetParam();
  std::mt19937 random(static_cast<unsigned>(metric) + 1);
  for (int round = 0; round < 120; ++round) {
    const std::size_t dimension = 1 + random() % 70;
    const std::size_t count = 1 + random() % 400;
    const auto made = flat_index(metric, dimension, count);
    Index& index = *made;
    Vectors vectors;
    ReferenceId id = random() % 1000;
    for (std::size_t i = 0; i < count; ++i, id += 1 + random() % 3) {
      const bool repeat = !vectors.empty() && random() % 4 == 0;
      vectors[id] = repeat ? vectors.begin()->second : random_vector(metric, dimension, random);
      ASSERT_TRUE(index.insert(id, vectors[id]).ok());
    }
    const std::vector<float> query =
        round % 3 == 0 ? vectors.begin()->second : random_vector(metric, dimension, random);
    for (const std::size_t k : {std::size_t{1}, std::size_t{10}, std::size_t{64}, std::size_t{65}, count, count + 7})
      ASSERT_NO_FATAL_FAILURE(expect_exact(index, vectors, query, k)) << "dimension " << dimension << ", k " << k;
  }
}

// Distances so small that many different ones round to the same score: the smaller id must still win.
TEST_P(EveryMetric, ScoresThatRoundTogetherTieByTheSmallerId) {
  const Metric metric = GetParam();
  constexpr std::size_t kDimension = 20;
  std::mt19937 random(3);
  std::uniform_real_distribution<float> nudge(-1e-7F, 1e-7F);
  const auto made = flat_index(metric, kDimension, 1'000);
  Index& index = *made;
  Vectors vectors;
  const std::vector<float> centre = prepared(metric, std::vector<float>(kDimension, 0.25F));
  for (ReferenceId id = 0; id < 300; ++id) {
    std::vector<float> vector = centre;
    for (float& value : vector) value += nudge(random);
    vectors[id] = vector;
    ASSERT_TRUE(index.insert(id, vector).ok());
  }
  for (const std::size_t k : {1U, 10U, 100U, 300U}) ASSERT_NO_FATAL_FAILURE(expect_exact(index, vectors, centre, k));
}

TEST_P(EveryMetric, IdenticalVectorsComeByIdEveryTime) {  // fault 49, for the exact index
  const Metric metric = GetParam();
  std::mt19937 random(9);
  const std::vector<float> vector = random_vector(metric, 37, random);
  const auto made = flat_index(metric, 37, 5'000);
  Index& index = *made;
  for (ReferenceId id = 5'000; id > 0; --id) ASSERT_TRUE(index.insert(id - 1, vector).ok());
  for (const std::size_t k : {10U, 100U, 5'000U}) {
    const std::vector<Hit> hits = search(index, vector, k);
    ASSERT_EQ(hits.size(), k);
    for (std::size_t i = 0; i < k; ++i) ASSERT_EQ(hits[i].id, i);
  }
}

TEST_P(EveryMetric, ChangesInAnyOrderLeaveWhatAFreshIndexHolds) {
  const Metric metric = GetParam();
  constexpr std::size_t kDimension = 19;
  std::mt19937 random(21);
  const auto made = flat_index(metric, kDimension, 200);
  Index& index = *made;
  Vectors vectors;
  for (int step = 0; step < 2'000; ++step) {
    const ReferenceId id = random() % 150;
    if (random() % 3 == 0) {
      ASSERT_EQ(index.remove(id), vectors.erase(id) == 1);
    } else {
      vectors[id] = random_vector(metric, kDimension, random);
      ASSERT_TRUE(index.insert(id, vectors[id]).ok());
    }
    ASSERT_EQ(index.count(), vectors.size());
    if (step % 100 != 0) continue;
    for (const auto& [known, vector] : vectors) {
      ASSERT_EQ(stored(index, known), vector);
    }
    ASSERT_NO_FATAL_FAILURE(expect_exact(index, vectors, random_vector(metric, kDimension, random), 10));
  }
}

TEST_P(EveryMetric, EveryKernelSetFindsTheSame) {
  const Metric metric = GetParam();
  constexpr std::size_t kDimension = 100;
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa)) continue;
    std::mt19937 random(2);
    const auto made = flat_index(metric, kDimension, 500, *kernels);
    Index& index = *made;
    Vectors vectors;
    for (ReferenceId id = 0; id < 500; ++id) {
      vectors[id] = random_vector(metric, kDimension, random);
      ASSERT_TRUE(index.insert(id, vectors[id]).ok());
    }
    SCOPED_TRACE(to_string(kernels->isa));
    ASSERT_NO_FATAL_FAILURE(expect_exact(index, vectors, random_vector(metric, kDimension, random), 10));
  }
}

TEST_P(EveryMetric, ScoresOfARangeAreThoseOfItsIds) {
  const Metric metric = GetParam();
  std::mt19937 random(4);
  const auto made = flat_index(metric, 33, 100);
  Index& index = *made;
  Vectors vectors;
  for (const ReferenceId id : {3U, 7U, 8U, 9U, 10U, 11U, 12U, 40U}) {
    vectors[id] = random_vector(metric, 33, random);
    ASSERT_TRUE(index.insert(id, vectors[id]).ok());
  }
  const std::vector<float> query = random_vector(metric, 33, random);
  float scores[6];
  index.score(query, IdRange{.first = 7, .count = 6}, scores);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(scores[i], exact_score(metric, query, vectors.at(7 + i)), 1e-5);
  index.score(query, IdRange{.first = 999, .count = 0}, {});
}

TEST_P(EveryMetric, ReadersInManyThreadsAgree) {
  const Metric metric = GetParam();
  std::mt19937 random(6);
  const auto made = flat_index(metric, 64, 300);
  Index& index = *made;
  for (ReferenceId id = 0; id < 300; ++id) ASSERT_TRUE(index.insert(id, random_vector(metric, 64, random)).ok());
  const std::vector<float> query = random_vector(metric, 64, random);
  const std::vector<Hit> expected = search(index, query, 10);
  std::vector<std::vector<Hit>> found(4);
  std::vector<std::thread> readers;
  for (std::vector<Hit>& hits : found)
    readers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) hits = search(index, query, 10);
    });
  for (std::thread& reader : readers) reader.join();
  for (const std::vector<Hit>& hits : found) {
    ASSERT_EQ(hits.size(), expected.size());
    for (std::size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(hits[i].id, expected[i].id);
  }
}

TEST_P(EveryMetric, TheLargestNormsStayFinite) {  // fault 42
  const Metric metric = GetParam();
  const auto made = flat_index(metric, 8, 4);
  Index& index = *made;
  const std::vector<float> plus = prepared(metric, std::vector<float>(8, 3.5e17F));
  const std::vector<float> minus = prepared(metric, std::vector<float>(8, -3.5e17F));
  ASSERT_TRUE(index.insert(0, minus).ok());
  ASSERT_TRUE(index.insert(1, plus).ok());
  const std::vector<Hit> hits = search(index, plus, 2);
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].id, 1U);
  EXPECT_EQ(hits[1].id, 0U);
  for (const Hit& hit : hits) EXPECT_TRUE(std::isfinite(hit.score));
}

INSTANTIATE_TEST_SUITE_P(Index, EveryMetric, ::testing::ValuesIn(kMetrics),
                         [](const auto& metric) { return std::string(to_string(metric.param)); });

TEST(Index, AnEmptyIndexFindsNothing) {  // fault 43
  const auto made = flat_index(Metric::cosine, 4, 10);
  Index& index = *made;
  EXPECT_EQ(index.count(), 0U);
  EXPECT_TRUE(search(index, {1, 0, 0, 0}, 10).empty());
  EXPECT_FALSE(index.remove(0));
  ASSERT_TRUE(index.insert(5, std::vector<float>{1, 0, 0, 0}).ok());
  EXPECT_TRUE(index.remove(5));
  EXPECT_TRUE(search(index, {1, 0, 0, 0}, 10).empty());
}

TEST(Index, AFullIndexSaysSoAndKeepsWhatItHas) {  // fault 45
  const auto made = flat_index(Metric::dot, 2, 3);
  Index& index = *made;
  for (ReferenceId id = 0; id < 3; ++id)
    ASSERT_TRUE(index.insert(id, std::vector<float>{static_cast<float>(id), 0}).ok());
  const Result<void> refused = index.insert(3, std::vector<float>{9, 9});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(refused.error().message, "the index is full: its capacity is 3 references");
  EXPECT_EQ(index.count(), 3U);
  EXPECT_TRUE(index.insert(1, std::vector<float>{7, 0}).ok()) << "replacing needs no room";
  EXPECT_TRUE(index.remove(0));
  EXPECT_TRUE(index.insert(3, std::vector<float>{9, 9}).ok());
  EXPECT_EQ(search(index, {1, 0}, 1)[0].id, 3U);
}

TEST(Index, NumbersBeyondHalfFloatsAreRefusedWhereThoseAreKept) {
  IndexParams params;
  params.metric = Metric::dot;
  params.dimension = 2;
  params.quantization = Quantization::int8;
  params.rerank = Rerank::f16;
  auto index = Index::create(params);
  ASSERT_TRUE(index.ok());
  const ReferenceId ids[] = {1, 2};
  const std::vector<float> rows{1.0F, 2.0F, 3.0F, -65'600.0F};
  const auto refused = index.value()->insert(ids, rows);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::bad_vector);
  EXPECT_NE(refused.error().message.find("number 1"), std::string::npos) << refused.error().message;
  EXPECT_EQ(index.value()->count(), 0U) << "all of them or none";
  EXPECT_TRUE(index.value()->insert(1, std::vector<float>{65'504.0F, 0.0F}).ok());
}

TEST(Index, ACapacityBeyondTheAddressSpaceIsAnErrorNotACrash) {
  IndexParams params;
  params.dimension = kMaxDimension;
  params.capacity = kMaxCapacity;
  const auto made = Index::create(params);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::resource_exhausted);
}

TEST(Index, AnUnknownIdIsNotRead) {
  const auto made = flat_index(Metric::dot, 2, 3);
  ASSERT_TRUE(made->insert(1, std::vector<float>{1, 2}).ok());
  std::vector<float> vector(2);
  EXPECT_FALSE(made->read(0, vector));
  EXPECT_TRUE(made->read(1, vector));
}

TEST(Index, MoreThanThereIsGivesAllThereIs) {  // fault 47
  const auto made = flat_index(Metric::euclidean, 1, 10);
  Index& index = *made;
  for (ReferenceId id = 0; id < 3; ++id) ASSERT_TRUE(index.insert(id, std::vector<float>{static_cast<float>(id)}).ok());
  const std::vector<Hit> hits = search(index, {2}, 1'000);
  ASSERT_EQ(hits.size(), 3U);
  EXPECT_EQ(hits[0].id, 2U);
  EXPECT_EQ(hits[1].id, 1U);
  EXPECT_EQ(hits[2].id, 0U);
  EXPECT_TRUE(search(index, {2}, 0).empty());
}

TEST(Index, AnIdInsertedTwiceIsReplaced) {  // fault 48
  const auto made = flat_index(Metric::euclidean, 1, 10);
  Index& index = *made;
  for (ReferenceId id = 0; id < 5; ++id) ASSERT_TRUE(index.insert(id, std::vector<float>{static_cast<float>(id)}).ok());
  ASSERT_TRUE(index.insert(2, std::vector<float>{100.0F}).ok());
  EXPECT_EQ(index.count(), 5U);
  EXPECT_EQ(search(index, {100}, 1)[0].id, 2U);
  EXPECT_EQ(stored(index, 2)[0], 100.0F);
  for (const ReferenceId id : {0U, 1U, 3U, 4U}) EXPECT_EQ(search(index, {static_cast<float>(id)}, 1)[0].id, id);
}

TEST(Index, CosinesNeverLeaveTheirRange) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    const std::vector<float> vector = random_vector(Metric::cosine, 50, random);
    std::vector<float> opposite = vector;
    for (float& value : opposite) value = -value;
    const auto made = flat_index(Metric::cosine, 50, 2);
    Index& index = *made;
    ASSERT_TRUE(index.insert(0, vector).ok());
    ASSERT_TRUE(index.insert(1, opposite).ok());
    const std::vector<Hit> hits = search(index, vector, 2);
    EXPECT_LE(hits[0].score, 1.0F);
    EXPECT_GE(hits[1].score, -1.0F);
    EXPECT_NEAR(hits[0].score, 1.0, 1e-6);
    EXPECT_NEAR(hits[1].score, -1.0, 1e-6);
  }
}

// A broken precondition is a bug of the caller's and stops the program.
TEST(IndexDeathTest, BrokenPreconditionsAbort) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto made = flat_index(Metric::dot, 2, 3);
  Index& index = *made;
  ASSERT_TRUE(index.insert(0, std::vector<float>{1, 2}).ok());
  ASSERT_TRUE(index.insert(2, std::vector<float>{1, 2}).ok());
  const std::vector<float> query = {1, 2};
  std::vector<float> scores(3);
  EXPECT_DEATH(static_cast<void>(index.insert(1, std::vector<float>{1})), "broken invariant");
  std::vector<float> short_vector(1);
  EXPECT_DEATH(static_cast<void>(index.read(0, short_vector)), "broken invariant");
  EXPECT_DEATH(index.score(query, IdRange{.first = 0, .count = 3}, scores), "broken invariant");
  EXPECT_DEATH(static_cast<void>(index.search(query, 2, std::span<Hit>())), "broken invariant");
}

}  // namespace
}  // namespace semroute::core
