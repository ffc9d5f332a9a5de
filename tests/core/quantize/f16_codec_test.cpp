#include "core/quantize/f16_codec.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

using testing::Lines;
using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

TEST(F16Codec, KeepsItsPromisesWithEverySetOfKernels) {
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa)) continue;
    SCOPED_TRACE(to_string(kernels->isa));
    testing::Outside outside;
    testing::check_codec(make_f16_codec, kMetrics, *kernels, outside);
    EXPECT_EQ(outside.outside, 0U);
    EXPECT_GT(outside.rows, 0U);
  }
}

TEST(F16Codec, DecodesToWithinHalfAUnitOfTheLastPlace) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : testing::codec_dimensions())
      EXPECT_LT(testing::worst_decoded(make_f16_codec, metric, dimension, active_kernels()), dimension < 8 ? 0.1 : 1e-3)
          << to_string(metric) << ", dimension " << dimension;
}

// A bound that is always met because it is huge would be of no use.
TEST(F16Codec, ErrorsAreSmall) {
  constexpr std::size_t kDimension = 384;
  for (const auto& [metric, most] : {std::pair(Metric::cosine, 3e-4F), std::pair(Metric::euclidean, 1.3e-3F)}) {
    const std::vector<Vector> rows = testing::ordinary(Metric::cosine, kDimension, 100, 5);
    const std::unique_ptr<Codec> codec = make_f16_codec(metric, kDimension, testing::flat(rows), active_kernels());
    const testing::Encoded encoded(*codec, rows);
    Lines code(codec->query_bytes());
    const ErrorTerms terms = codec->prepare(rows[0].data(), code.data());
    for (const float error : encoded.errors) EXPECT_LT(terms.per_row_error * error + terms.constant, most);
  }
}

TEST(F16Codec, NumbersOfEverySizeAreScaledIntoReach) {
  for (const double norm : {1e17, 1e6, 1.0, 1e-20}) {
    std::vector<Vector> rows = testing::ordinary(Metric::dot, 100, 50, 6);
    for (Vector& row : rows) row = testing::scaled(row, norm);
    const std::unique_ptr<Codec> codec = make_f16_codec(Metric::dot, 100, testing::flat(rows), active_kernels());
    const testing::Encoded encoded(*codec, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Vector decoded(100);
      codec->decode(encoded.bytes.data() + i * codec->row_bytes(), decoded.data());
      EXPECT_LT(testing::distance(decoded, rows[i]), 1e-3 * norm) << norm;
    }
  }
}

TEST(F16Codec, WorksWithoutTrainingRows) {
  const std::unique_ptr<Codec> codec = make_f16_codec(Metric::euclidean, 3, {}, active_kernels());
  const std::vector<Vector> rows = {{1.0F, 2.0F, 3.0F}, {0.0F, 0.0F, 0.0F}};
  testing::Outside outside;
  testing::check_estimates(*codec, Metric::euclidean, rows, rows, outside);
  EXPECT_EQ(outside.outside, 0U);
}

}  // namespace
}  // namespace semroute::core
