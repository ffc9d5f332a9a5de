#include "core/quantize/residual_frame.h"

#include <gtest/gtest.h>

#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean};

float estimate(const ResidualFrame::Query& query, const RowFactors& row, double product) {
  return query.offset + row.addend + row.slope * (query.scale * static_cast<float>(product));
}

// A code that is the direction itself, or a multiple of it, gives the key.
TEST(ResidualFrame, APerfectCodeGivesTheKey) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : testing::codec_dimensions())
      for (const std::optional<std::uint64_t> seed :
           {std::optional<std::uint64_t>(42), std::optional<std::uint64_t>()}) {
        const ResidualFrame frame(metric, dimension, testing::flat(testing::ordinary(metric, dimension, 50, 1)), seed);
        const Vector row = testing::ordinary(metric, dimension, 1, 2)[0];
        const Vector query = testing::ordinary(metric, dimension, 1, 3)[0];
        Vector of_row(dimension);
        Vector of_query(dimension);
        const ResidualFrame::Row seen = frame.see_row(row.data(), of_row.data());
        const ResidualFrame::Query asked = frame.see_query(query.data(), of_query.data());
        EXPECT_NEAR(testing::length(of_row), 1.0, 1e-5);
        Vector code = of_row;
        for (float& value : code) value *= 7.0F;
        const ResidualFrame::Fit fit{.product = testing::dot(code, of_row), .square = testing::dot(code, code)};
        const RowFactors factors = ResidualFrame::factors(seen, fit);
        const double size = testing::length(row) + testing::length(query);
        EXPECT_NEAR(estimate(asked, factors, testing::dot(code, of_query)), testing::exact_key(metric, query, row),
                    1e-5 * size * size)
            << to_string(metric) << ", dimension " << dimension;
        Vector restored(dimension);
        frame.restore(code.data(), factors.stretch, restored.data());
        EXPECT_LT(testing::distance(restored, row), 1e-5 * size) << to_string(metric) << ", dimension " << dimension;
      }
}

TEST(ResidualFrame, TheCentreHasNoDirection) {
  const Vector rows = {1.0F, 2.0F, 3.0F, 6.0F};
  const ResidualFrame frame(Metric::euclidean, 2, rows, 42);
  const Vector centre = {2.0F, 4.0F};
  Vector direction(2, 7.0F);
  const ResidualFrame::Row seen = frame.see_row(centre.data(), direction.data());
  EXPECT_EQ(seen.length, 0.0);
  EXPECT_EQ(direction, Vector(2, 0.0F));
  const RowFactors factors = ResidualFrame::factors(seen, {.product = 0.0, .square = 2.0});
  EXPECT_EQ(factors.slope, 0.0F);
  Vector restored = {1.0F, -1.0F};
  frame.restore(restored.data(), factors.stretch, restored.data());
  EXPECT_EQ(restored, centre);
}

// A code that says nothing about its row leaves an error that the row's length bounds.
TEST(ResidualFrame, AUselessCodeHasTheErrorThatAlwaysHolds) {
  const ResidualFrame frame(Metric::dot, 64, {}, std::nullopt);
  const ResidualFrame::Row row{.length = 3.0, .addend = 0.0F};
  EXPECT_GE(frame.row_error(row, {.product = 0.0, .square = 1.0}, 0.01), 3.0F);
  EXPECT_GE(frame.row_error(row, {.product = -1.0, .square = 1.0}, 0.01), 3.0F);
  EXPECT_LT(frame.row_error(row, {.product = 1.0, .square = 1.0}, 0.01), 0.01F);
}

TEST(ResidualFrame, AQueryThatLostMoreThanUsualHasALargerError) {
  const ResidualFrame frame(Metric::dot, 64, {}, std::nullopt);
  const ResidualFrame::Query query{.length = 1.0, .norm = 1.0, .offset = 0.0F, .scale = 1.0F};
  const float usual = frame.terms(query, 0.01, 0.01, 3.5).per_row_error;
  EXPECT_NEAR(usual, 3.5F, 0.1F);
  EXPECT_NEAR(frame.terms(query, 0.02, 0.01, 3.5).per_row_error, 2.0F * usual, 0.1F);
}

}  // namespace
}  // namespace semroute::core
