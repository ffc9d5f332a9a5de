#include "core/quantize/nibble_codec.h"

#include <gtest/gtest.h>

#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

using testing::Spread;
using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean};

std::unique_ptr<Codec> make(Metric metric, std::size_t dimension, std::span<const float> rows, const Kernels& kernels) {
  return make_nibble_codec(metric, dimension, rows, 42, kernels);
}

// The kernels are of integers and exact with every set.
TEST(NibbleCodec, KeepsItsPromisesWithPlainAndBestKernels) {
  for (const Kernels* kernels : {compiled_kernels().back(), &active_kernels()}) {
    SCOPED_TRACE(to_string(kernels->isa));
    testing::Outside outside;
    testing::check_codec(make, kMetrics, *kernels, outside);
    EXPECT_LT(outside.share(), 0.0005) << outside.outside << " of " << outside.rows;
  }
}

// 3.5 deviations of a normal distribution leave 0.05 % outside, half of that 8 %.
TEST(NibbleCodec, ErrorsHoldForAllButAFewInTenThousandAndAreNotWider) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : {std::size_t{64}, std::size_t{100}, std::size_t{384}, std::size_t{1000}}) {
      const std::unique_ptr<Codec> codec =
          make(metric, dimension, testing::flat(testing::ordinary(metric, dimension, 400, 1)), active_kernels());
      const Spread spread = testing::spread_of(*codec, metric, testing::ordinary(metric, dimension, 1'000, 2),
                                               testing::ordinary(metric, dimension, 50, 3));
      SCOPED_TRACE(::testing::Message() << to_string(metric) << ", dimension " << dimension);
      EXPECT_LT(spread.outside, 0.0010);
      EXPECT_GT(spread.outside_half, 0.02);
      EXPECT_LT(spread.outside_half, 0.12);
      EXPECT_LT(std::fabs(spread.mean), 0.15 * spread.deviation) << "estimates are biased";
    }
}

// What a rotation made of signs and sums could leave as it was.
TEST(NibbleCodec, ErrorsHoldForVectorsOfAFewNumbers) {
  constexpr std::size_t kDimension = 384;
  std::vector<Vector> sparse;
  for (std::size_t i = 0; i < kDimension; ++i) {
    sparse.emplace_back(kDimension, 0.0F);
    sparse.back()[i] = 1.0F;
    sparse.emplace_back(kDimension, 0.0F);
    sparse.back()[i] = 1.0F;
    sparse.back()[(i * i + 1) % kDimension] += i % 2 == 0 ? 1.0F : -0.5F;
  }
  const std::unique_ptr<Codec> codec = make(Metric::dot, kDimension, {}, active_kernels());
  const std::vector<Vector> queries(sparse.begin(), sparse.begin() + 100);
  EXPECT_LT(testing::spread_of(*codec, Metric::dot, sparse, queries).outside, 0.0015);
}

TEST(NibbleCodec, DecodesToWithinItsSteps) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : testing::kCodecDimensions)
      EXPECT_LT(testing::worst_decoded(make, metric, dimension, active_kernels()), 0.17)
          << to_string(metric) << ", dimension " << dimension;
}

TEST(NibbleCodec, ARowOf384NumbersIsFourLines) {
  EXPECT_EQ(make(Metric::cosine, 384, {}, active_kernels())->row_bytes(), 256U);
}

}  // namespace
}  // namespace semroute::core
