#include "core/kernels/metric.h"

#include <gtest/gtest.h>

namespace semroute::core {
namespace {

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

TEST(Metric, NamesReadBackAndNothingElseDoes) {
  for (const Metric metric : kMetrics) EXPECT_EQ(parse_metric(to_string(metric)), metric);
  for (const char* wrong : {"", "Cosine", "l2", "cosine "}) EXPECT_EQ(parse_metric(wrong), std::nullopt) << wrong;
}

TEST(Metric, ScoresAreThoseOfTheContract) {
  EXPECT_FLOAT_EQ(score_of(Metric::cosine, 0.25F), 0.25F);
  EXPECT_FLOAT_EQ(score_of(Metric::dot, -7.5F), -7.5F);
  EXPECT_FLOAT_EQ(score_of(Metric::euclidean, 9.0F), 0.25F);
  EXPECT_FLOAT_EQ(score_of(Metric::manhattan, 9.0F), 0.1F);
  EXPECT_EQ(score_of(Metric::euclidean, 0.0F), 1.0F);
  EXPECT_EQ(score_of(Metric::manhattan, 0.0F), 1.0F);
}

TEST(Metric, RoundingNeverTakesACosineOutOfItsRange) {
  EXPECT_EQ(score_of(Metric::cosine, 1.0000002F), 1.0F);
  EXPECT_EQ(score_of(Metric::cosine, -1.0000002F), -1.0F);
  EXPECT_EQ(score_of(Metric::dot, 1.0000002F), 1.0000002F);
}

TEST(Metric, ScoresKeepTheOrderOfDistances) {
  for (const Metric metric : {Metric::euclidean, Metric::manhattan}) {
    float last = 1.0F;
    for (float distance = 1e-30F; distance < 1e36F; distance *= 1.7F) {
      const float score = score_of(metric, distance);
      EXPECT_LE(score, last);
      EXPECT_GT(score, 0.0F);
      last = score;
    }
  }
}

}  // namespace
}  // namespace semroute::core
