#include "router/tool/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace semroute::router::tool {
namespace {

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.percentile(99.9), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.mean(), 0.0);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 200; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile(0.0), 1U);
  EXPECT_EQ(histogram.percentile(50.0), 100U);
  EXPECT_EQ(histogram.percentile(90.0), 180U);
  EXPECT_EQ(histogram.percentile(99.0), 198U);
  EXPECT_EQ(histogram.percentile(100.0), 200U);
  EXPECT_DOUBLE_EQ(histogram.mean(), 100.5);
}

TEST(Histogram, PercentilesAreAtMostOnePart128TooHigh) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> spread(11.0, 3.0);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(spread(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100.0 * static_cast<double>(values.size())));
    const std::uint64_t exact = values[rank - 1];
    EXPECT_GE(histogram.percentile(percent), exact) << percent;
    EXPECT_LE(histogram.percentile(percent), exact + exact / 128) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, TakesTheWholeRange) {
  Histogram histogram;
  histogram.record(0);
  histogram.record(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(histogram.percentile(50.0), 0U);
  EXPECT_EQ(histogram.percentile(100.0), std::numeric_limits<std::uint64_t>::max());
}

TEST(Histogram, MergedIsAsIfRecordedTogether) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::uint64_t value = 1; value < 100'000; value = value * 3 / 2 + 1) {
    (value % 2 == 0 ? one : other).record(value);
    both.record(value);
  }
  one.merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  EXPECT_DOUBLE_EQ(one.mean(), both.mean());
  for (const double percent : {1.0, 50.0, 99.0}) EXPECT_EQ(one.percentile(percent), both.percentile(percent));
}

}  // namespace
}  // namespace semroute::router::tool
