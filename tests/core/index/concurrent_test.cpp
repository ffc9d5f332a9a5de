// Searches while others insert, replace and remove: run under ThreadSanitizer too. Faults 44 and 46.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "tests/core/index/vectors.h"
#include "tests/support/sanitizer.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::make_index;

constexpr std::size_t kDimension = 24;

std::span<const float> row_of(const std::vector<float>& rows, std::size_t row) {
  return std::span<const float>(rows).subspan(row * kDimension, kDimension);
}

struct Stress {
  Algorithm algorithm;
  Quantization quantization;
  std::size_t writers;
};

class WhileWriting : public ::testing::TestWithParam<Stress> {};

// Every id keeps one of two vectors, A[id] or B[id]; writers turn them from one into the other, remove some for a
// moment, and a reader must never see an id twice, an id that nobody put in, or a score that belongs to neither vector.
TEST_P(WhileWriting, SearchesSeeEachChangeBeforeOrAfter) {
  const std::size_t count = SEMROUTE_SANITIZED ? 600 : 2000;
  IndexParams params;
  params.dimension = kDimension;
  params.algorithm = GetParam().algorithm;
  params.quantization = GetParam().quantization;
  params.hnsw.ef_construction = 40;
  const auto index = make_index(params);
  const std::size_t asked = 30;  // of the same clusters
  const auto made = testing::clustered_vectors(Metric::cosine, count + asked, kDimension, 1, 50);
  const std::vector<float> a(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(count * kDimension));
  const auto b = testing::clustered_vectors(Metric::cosine, count, kDimension, 2, 50);
  ASSERT_TRUE(index->insert(ascending_ids(count), a).ok());
  // The first tenth is never touched, so it must always be found.
  const std::size_t still = count / 10;

  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < GetParam().writers; ++w)
    writers.emplace_back([&, w] {
      std::mt19937_64 random(w);
      for (std::size_t round = 0; round < 2 && !stop; ++round) {
        auto ids = ascending_ids(count - still, still);
        std::shuffle(ids.begin(), ids.end(), random);
        for (const ReferenceId id : ids) {
          if (id % GetParam().writers != w) continue;
          if (random() % 4 == 0) {
            EXPECT_TRUE(index->remove(id));
          }
          EXPECT_TRUE(index->insert(id, row_of(round == 0 ? b : a, id)).ok());
        }
      }
    });
  std::thread reader([&] {
    std::mt19937_64 random(99);
    std::vector<float> stored(kDimension);
    while (!stop) {
      const std::size_t id = random() % count;
      const auto query = row_of(random() % 2 == 0 ? a : b, id);
      const auto hits = testing::search(*index, query, 10);
      std::set<ReferenceId> seen;
      for (const Hit& hit : hits) {
        ASSERT_LT(hit.id, count);
        ASSERT_TRUE(seen.insert(hit.id).second) << "id " << hit.id << " twice";
        const double to_a = testing::score_in_float64(Metric::cosine, query, row_of(a, hit.id));
        const double to_b = testing::score_in_float64(Metric::cosine, query, row_of(b, hit.id));
        ASSERT_LT(std::min(std::fabs(hit.score - to_a), std::fabs(hit.score - to_b)), 1e-4) << "a torn vector";
      }
      if (id < still && params.algorithm == Algorithm::flat) {
        const auto own = testing::search(*index, row_of(a, id), 1);
        ASSERT_EQ(own.size(), 1U);
        ASSERT_GE(own[0].score, 0.9999F) << "id " << id << " was lost";
      }
      if (index->read(id, stored)) {
        ASSERT_TRUE(std::equal(stored.begin(), stored.end(), row_of(a, id).begin()) ||
                    std::equal(stored.begin(), stored.end(), row_of(b, id).begin()));
      }
    }
  });
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(index->count(), count);
  for (std::size_t id = 0; id < count; ++id) {
    std::vector<float> stored(kDimension);
    ASSERT_TRUE(index->read(id, stored));
    ASSERT_TRUE(std::equal(stored.begin(), stored.end(), row_of(a, id).begin())) << "id " << id;
  }
  const std::vector<float> queries(made.begin() + static_cast<std::ptrdiff_t>(a.size()), made.end());
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10), 0.95);
}

INSTANTIATE_TEST_SUITE_P(Indexes, WhileWriting,
                         ::testing::Values(Stress{Algorithm::flat, Quantization::none, 1},
                                           Stress{Algorithm::flat, Quantization::int8, 2},
                                           Stress{Algorithm::hnsw, Quantization::none, 1},
                                           Stress{Algorithm::hnsw, Quantization::int8, 2}),
                         [](const auto& stress) {
                           return std::string(to_string(stress.param.algorithm)) + "_" +
                                  std::string(to_string(stress.param.quantization)) + "_" +
                                  std::to_string(stress.param.writers) + "_writers";
                         });

// An id that only ever gets new vectors is never missing, not for a moment.
TEST(WhileReplacing, AnIdIsNeverMissing) {
  for (const Algorithm algorithm : {Algorithm::flat, Algorithm::hnsw}) {
    IndexParams params;
    params.dimension = kDimension;
    params.algorithm = algorithm;
    params.hnsw.ef_construction = 40;
    const auto index = make_index(params);
    const std::size_t count = 200;
    const auto rows = testing::clustered_vectors(Metric::cosine, count, kDimension, 1);
    ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
    std::atomic<bool> stop{false};
    std::thread writer([&] {
      for (std::size_t i = 0; i < 2000; ++i) EXPECT_TRUE(index->insert(i % count, row_of(rows, (i * 7) % count)).ok());
      stop = true;
    });
    std::size_t fewest = count;
    while (!stop) {
      // All there are: a search for as many as ids.
      const auto hits = testing::search(*index, row_of(rows, 0), count);
      std::set<ReferenceId> ids;
      for (const Hit& hit : hits) ids.insert(hit.id);
      fewest = std::min(fewest, ids.size());
    }
    writer.join();
    EXPECT_EQ(fewest, count) << to_string(algorithm);
  }
}

// A search sees a batch whole or not at all: all ids have the same one of two vectors, whatever is going on.
TEST(WhileReplacing, ABatchIsSeenWholeOrNotAtAll) {
  for (const Algorithm algorithm : {Algorithm::flat, Algorithm::hnsw}) {
    IndexParams params;
    params.dimension = kDimension;
    params.algorithm = algorithm;
    const auto index = make_index(params);
    const std::size_t count = 100;
    const auto two = testing::clustered_vectors(Metric::cosine, 2, kDimension, 5);
    std::vector<float> batches[2];
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < count; ++i)
        batches[b].insert(batches[b].end(), row_of(two, b).begin(), row_of(two, b).end());
    ASSERT_TRUE(index->insert(ascending_ids(count), batches[0]).ok());
    std::atomic<bool> stop{false};
    std::thread writer([&] {
      for (std::size_t i = 0; i < 300; ++i) EXPECT_TRUE(index->insert(ascending_ids(count), batches[(i + 1) % 2]).ok());
      stop = true;
    });
    std::size_t torn = 0;
    while (!stop) {
      const auto hits = testing::search(*index, row_of(two, 0), count);
      torn += hits.size() != count || hits.front().score != hits.back().score ? 1 : 0;
    }
    writer.join();
    EXPECT_EQ(torn, 0U) << to_string(algorithm);
  }
}

// Equal vectors hang on one of them, and stand for themselves again when that one goes.
TEST(WhileReplacing, EqualVectorsAreFoundOnce) {
  IndexParams params;
  params.dimension = kDimension;
  params.algorithm = Algorithm::hnsw;
  params.hnsw.ef_construction = 40;
  const auto index = make_index(params);
  const std::size_t count = 400;
  const std::size_t different = 20;
  const auto rows = testing::clustered_vectors(Metric::cosine, different, kDimension, 1);
  for (std::size_t id = 0; id < count; ++id) ASSERT_TRUE(index->insert(id, row_of(rows, id % different)).ok());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < (SEMROUTE_SANITIZED ? 5'000 : 60'000); ++i)
      EXPECT_TRUE(index->insert(random() % count, row_of(rows, random() % different)).ok());
    stop = true;
  });
  const std::size_t k = count / 2;
  std::atomic<std::size_t> wrong{0};
  const auto read = [&] {
    while (!stop) {
      const auto hits = testing::search(*index, row_of(rows, 0), k, {k, nullptr});
      std::set<ReferenceId> ids;
      for (const Hit& hit : hits) ids.insert(hit.id);
      if (ids.size() != k) ++wrong;
    }
  };
  std::thread first(read);
  std::thread second(read);
  writer.join();
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(Building, SeveralThreadsMakeOneGraph) {
  IndexParams params;
  params.dimension = kDimension;
  params.algorithm = Algorithm::hnsw;
  params.hnsw.ef_construction = 40;
  const auto index = make_index(params);
  const std::size_t count = SEMROUTE_SANITIZED ? 1000 : 5000;
  const std::size_t asked = 40;  // of the same clusters
  const auto made = testing::clustered_vectors(Metric::cosine, count + asked, kDimension, 9, 50);
  const auto rows = std::span<const float>(made).first(count * kDimension);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows, 3).ok());
  EXPECT_EQ(index->count(), count);
  EXPECT_TRUE(index->walks());
  const std::vector<float> queries(made.begin() + static_cast<std::ptrdiff_t>(rows.size()), made.end());
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10), 0.95);
}

// Auto: rows are searchable while the graph is built beside them, and after.
TEST(Adaptive, SwitchesToTheGraphWithoutLosingAnything) {
  IndexParams params;
  params.dimension = 64;
  params.hnsw.ef_construction = 60;
  params.hnsw.ef_search = 16;
  params.graph_from = SEMROUTE_SANITIZED ? 1000 : 4000;
  const auto index = make_index(params);
  const std::size_t count = SEMROUTE_SANITIZED ? 3000 : 12'000;
  const std::size_t asked = 40;  // of the same clusters
  const auto made = testing::clustered_vectors(Metric::cosine, count + asked, 64, 5, 300);
  const auto rows = std::span<const float>(made).first(count * 64);
  const auto row = [&](std::size_t i) { return rows.subspan(i * 64, 64); };
  std::size_t next = 0;
  for (; next < count / 2; ++next) ASSERT_TRUE(index->insert(next, row(next)).ok());
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    for (std::size_t i = 0; !stop; i = (i + 37) % (count / 2)) {
      const auto hits = testing::search(*index, row(i), 5, {64, nullptr});
      ASSERT_EQ(hits.size(), 5U);
      ASSERT_GE(hits[0].score, 0.99F) << "row " << i;
    }
  });
  for (; next < count; ++next) ASSERT_TRUE(index->insert(next, row(next)).ok());
  index->wait_for_graph();
  stop = true;
  reader.join();
  EXPECT_TRUE(index->walks());
  EXPECT_EQ(index->count(), count);
  const std::vector<float> queries(made.begin() + static_cast<std::ptrdiff_t>(rows.size()), made.end());
  EXPECT_GE(testing::recall(*index, queries, {0, count}, 10, {100, nullptr}), 0.95);
}

}  // namespace
}  // namespace semroute::core
