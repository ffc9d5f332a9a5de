// Every kind of codes with every kind of rerank, under every metric, scanned and walked: what is found, what it is said
// to score, and what is kept of the vectors.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/core/index/vectors.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::make_index;

constexpr std::size_t kDimension = 96;
constexpr std::size_t kCount = 2'200;  // enough to train a product quantizer
constexpr std::size_t kQueries = 40;

using Kind = std::tuple<Quantization, Rerank, Metric, Algorithm>;

// The least recall at 10 that a kind has to reach: of what codes alone can tell apart, or of what a rerank makes of it.
double least_recall(const Kind& kind) {
  const auto& [quantization, rerank, metric, algorithm] = kind;
  const bool is_flat = algorithm == Algorithm::flat;
  if (rerank != Rerank::none) return quantization == Quantization::binary || !is_flat ? 0.95 : 0.99;
  switch (quantization) {
    case Quantization::none:
    case Quantization::f16: return is_flat ? 0.99 : 0.95;
    case Quantization::int8: return 0.9;
    case Quantization::pq: return 0.45;
    case Quantization::binary: return 0.3;
  }
  return 1.0;
}

// How far a score may be from that of the vector that was put in.
double tolerance(const Kind& kind) {
  const auto& [quantization, rerank, metric, algorithm] = kind;
  if (rerank == Rerank::f32) return 1e-5;
  if (rerank == Rerank::f16 || quantization == Quantization::f16) return 2e-3;
  return quantization == Quantization::int8 ? 2e-2 : 0.4;
}

class Codes : public ::testing::TestWithParam<Kind> {};

TEST_P(Codes, FindAndScore) {
  const auto& [quantization, rerank, metric, algorithm] = GetParam();
  IndexParams params;
  params.metric = metric;
  params.dimension = kDimension;
  params.algorithm = algorithm;
  params.quantization = quantization;
  params.rerank = rerank;
  params.hnsw.ef_construction = 100;
  if (!check_params(params).ok()) {
    EXPECT_TRUE((quantization == Quantization::binary && metric == Metric::manhattan) ||
                (quantization == Quantization::none && rerank != Rerank::f32));
    EXPECT_FALSE(Index::create(params).ok());
    return;
  }
  const auto made = testing::clustered_vectors(metric, kCount + kQueries, kDimension, 17, 60);
  const auto rows = std::span<const float>(made).first(kCount * kDimension);
  const auto queries = std::span<const float>(made).subspan(rows.size());
  const auto index = make_index(params);
  // One by one at first, so that training happens among rows that are there, then the rest at once.
  constexpr std::size_t kFirst = 300;
  for (std::size_t row = 0; row < kFirst; ++row)
    ASSERT_TRUE(index->insert(row, rows.subspan(row * kDimension, kDimension)).ok());
  ASSERT_TRUE(index->insert(ascending_ids(kCount - kFirst, kFirst), rows.subspan(kFirst * kDimension), 2).ok());
  ASSERT_EQ(index->count(), kCount);
  EXPECT_EQ(index->approximate(), rerank == Rerank::none);

  const IndexBytes bytes = index->bytes();
  EXPECT_EQ(bytes.graph > 0, algorithm == Algorithm::hnsw);
  EXPECT_GT(bytes.codes, 0U);
  if (rerank == Rerank::none) {
    EXPECT_EQ(bytes.vectors, 0U) << "only codes are kept";
  } else {
    EXPECT_GE(bytes.vectors, kCount * kDimension * (rerank == Rerank::f16 ? 2 : 4));
  }

  std::size_t found = 0;
  double farthest = 0.0;
  for (std::size_t q = 0; q < kQueries; ++q) {
    const auto query = queries.subspan(q * kDimension, kDimension);
    std::vector<double> truth(kCount);
    for (std::size_t row = 0; row < kCount; ++row)
      truth[row] = testing::score_in_float64(metric, query, rows.subspan(row * kDimension, kDimension));
    std::vector<double> best = truth;
    std::nth_element(best.begin(), best.begin() + 9, best.end(), std::greater<>());
    const auto hits = testing::search(*index, query, 10);
    ASSERT_EQ(hits.size(), 10U);
    for (const Hit& hit : hits) {
      found += truth[hit.id] >= best[9] - 1e-6 ? 1 : 0;
      farthest = std::max(farthest, std::fabs(static_cast<double>(hit.score) - truth[hit.id]) /
                                        std::max(1.0, std::fabs(truth[hit.id])));
    }
    // score() says the same as search().
    float score = 0.0F;
    index->score(query, {hits[3].id, 1}, std::span(&score, 1));
    EXPECT_NEAR(score, hits[3].score, 1e-5 * std::max(1.0F, std::fabs(score)));
  }
  EXPECT_GE(static_cast<double>(found) / static_cast<double>(10 * kQueries), least_recall(GetParam()));
  EXPECT_LE(farthest, tolerance(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Every, Codes,
                         ::testing::Combine(::testing::Values(Quantization::none, Quantization::f16, Quantization::int8,
                                                              Quantization::pq, Quantization::binary),
                                            ::testing::Values(Rerank::f32, Rerank::f16, Rerank::none),
                                            ::testing::ValuesIn(testing::kMetrics),
                                            ::testing::Values(Algorithm::flat, Algorithm::hnsw)),
                         [](const auto& kind) {
                           return std::string(to_string(std::get<0>(kind.param))) + "_" +
                                  std::string(to_string(std::get<1>(kind.param))) + "_" +
                                  std::string(to_string(std::get<2>(kind.param))) + "_" +
                                  std::string(to_string(std::get<3>(kind.param)));
                         });

}  // namespace
}  // namespace semroute::core
