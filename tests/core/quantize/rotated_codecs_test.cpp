// The codecs that round rotated vectors, to a bit or to four bits a number.
#include <gtest/gtest.h>

#include "core/quantize/binary_codec.h"
#include "core/quantize/nibble_codec.h"

#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

using testing::Spread;
using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean};

struct Rotated {
  const char* name;
  std::unique_ptr<Codec> (*make_codec)(Metric, std::size_t, std::span<const float>, std::uint64_t, const Kernels&);
  std::size_t bytes_of_384;
  double worst_decoded;
  double worst_decoded_short;  // of fewer than 63 numbers
};

class RotatedCodecs : public ::testing::TestWithParam<Rotated> {
 protected:
  static std::unique_ptr<Codec> make(Metric metric, std::size_t dimension, std::span<const float> rows,
                                     const Kernels& kernels) {
    return GetParam().make_codec(metric, dimension, rows, 42, kernels);
  }
};

// The kernels are of integers and exact with every set.
TEST_P(RotatedCodecs, KeepsItsPromisesWithPlainAndBestKernels) {
  for (const Kernels* kernels : {compiled_kernels().back(), &active_kernels()}) {
    SCOPED_TRACE(to_string(kernels->isa));
    testing::Outside outside;
    testing::check_codec(make, kMetrics, *kernels, outside);
    EXPECT_LT(outside.share(), 0.0005) << outside.outside << " of " << outside.rows;
  }
}

// 3.5 deviations of a normal distribution leave 0.05 % outside, half of that 8 %.
TEST_P(RotatedCodecs, ErrorsHoldForAllButAFewInTenThousandAndAreNotWider) {
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
TEST_P(RotatedCodecs, ErrorsHoldForVectorsOfAFewNumbers) {
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

TEST_P(RotatedCodecs, DecodeToThePointTheyRoundedTo) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : testing::codec_dimensions())
      EXPECT_LT(testing::worst_decoded(make, metric, dimension, active_kernels()),
                dimension < 63 ? GetParam().worst_decoded_short : GetParam().worst_decoded)
          << to_string(metric) << ", dimension " << dimension;
}

// The dimension of common embedding models takes whole cache lines.
TEST_P(RotatedCodecs, ARowOf384NumbersIsWholeLines) {
  EXPECT_EQ(make(Metric::cosine, 384, {}, active_kernels())->row_bytes(), GetParam().bytes_of_384);
}

INSTANTIATE_TEST_SUITE_P(All, RotatedCodecs,
                         ::testing::Values(Rotated{"binary", make_binary_codec, 64, 0.75, 0.9},
                                           Rotated{"nibble", make_nibble_codec, 256, 0.17, 0.17}),
                         [](const auto& codec) { return std::string(codec.param.name); });

}  // namespace
}  // namespace semroute::core
