#include "core/quantize/pq_codec.h"

#include <gtest/gtest.h>

#include "tests/core/quantize/codec_check.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core {
namespace {

using testing::Lines;
using testing::Spread;
using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

std::unique_ptr<Codec> make(Metric metric, std::size_t dimension, std::span<const float> rows, const Kernels& kernels) {
  return make_pq_codec(metric, dimension, rows, 42, kernels);
}

TEST(PqCodec, KeepsItsPromises) {
  testing::Outside outside;
  testing::check_codec(make, kMetrics, active_kernels(), outside);
  EXPECT_LT(outside.share(), 0.0005) << outside.outside << " of " << outside.rows;
}

// Errors are calibrated on the training rows, here on others of the same kind.
TEST(PqCodec, ErrorsHoldForAllButAFewInTenThousandAndAreNotMuchWider) {
  if (test::runs_slowly())
    GTEST_SKIP() << "a sanitizer build or an emulator: learning from 3,000 rows eight times takes too long";
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : {std::size_t{8}, std::size_t{384}}) {
      const std::unique_ptr<Codec> codec =
          make(metric, dimension, testing::flat(testing::ordinary(metric, dimension, 3'000, 1)), active_kernels());
      const Spread spread = testing::spread_of(*codec, metric, testing::ordinary(metric, dimension, 1'000, 2),
                                               testing::ordinary(metric, dimension, 50, 3));
      SCOPED_TRACE(::testing::Message() << to_string(metric) << ", dimension " << dimension);
      EXPECT_LT(spread.outside, 0.0010);
      EXPECT_GT(spread.outside_half, 0.005);
    }
}

TEST(PqCodec, DecodesToItsCentroids) {
  for (const Metric metric : {Metric::euclidean, Metric::manhattan})
    for (const std::size_t dimension : {std::size_t{7}, std::size_t{64}, std::size_t{100}, std::size_t{384}})
      EXPECT_LT(testing::worst_decoded(make, metric, dimension, active_kernels()), dimension < 100 ? 0.05 : 0.4)
          << to_string(metric) << ", dimension " << dimension;
}

// A row that is nothing like the training rows has the bound that always holds.
TEST(PqCodec, ErrorsHoldForRowsFarFromTheTrainingRows) {
  constexpr std::size_t kDimension = 100;
  for (const Metric metric : kMetrics) {
    if (metric == Metric::cosine) continue;
    const std::unique_ptr<Codec> codec =
        make(metric, kDimension, testing::flat(testing::ordinary(metric, kDimension, 2'000, 1)), active_kernels());
    std::vector<Vector> rows;
    for (std::size_t i = 0; i < kDimension; ++i) {
      rows.emplace_back(kDimension, 0.0F);
      rows.back()[i] = 100.0F;
    }
    const Spread spread = testing::spread_of(*codec, metric, rows, testing::ordinary(metric, kDimension, 50, 3));
    EXPECT_EQ(spread.outside, 0.0) << to_string(metric);
  }
}

TEST(PqCodec, FewTrainingRowsAreCodedExactly) {
  for (const Metric metric : kMetrics) {
    const std::vector<Vector> rows = testing::ordinary(metric, 100, 20, 1);
    const std::unique_ptr<Codec> codec = make(metric, 100, testing::flat(rows), active_kernels());
    for (const Vector& row : rows) {
      Lines code(codec->row_bytes());
      codec->encode(row.data(), code.data());
      Vector decoded(100);
      codec->decode(code.data(), decoded.data());
      EXPECT_LT(testing::distance(decoded, row), 1e-5 * testing::length(row)) << to_string(metric);
    }
  }
}

TEST(PqCodec, SubspacesAreAnEighthOfTheDimensionInWholeLines) {
  EXPECT_EQ(pq_subspaces(1), 1U);
  EXPECT_EQ(pq_subspaces(7), 7U);
  EXPECT_EQ(pq_subspaces(100), 48U);
  EXPECT_EQ(pq_subspaces(384), 48U);
  EXPECT_EQ(pq_subspaces(512), 52U);
  EXPECT_EQ(pq_subspaces(768), 96U);
  EXPECT_EQ(pq_subspaces(1'000), 116U);
  EXPECT_EQ(pq_subspaces(1'536), 180U);
  EXPECT_EQ(make(Metric::cosine, 384, {}, active_kernels())->row_bytes(), 64U);
}

}  // namespace
}  // namespace semroute::core
