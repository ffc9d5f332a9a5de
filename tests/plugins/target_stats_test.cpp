#include "plugins/target_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace semroute::plugins {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(EndpointCounters, CountsRequestsRetriesAndFailuresByKind) {
  EndpointCounters counters;
  for (int i = 0; i < 5; ++i) counters.begin(i > 2);
  counters.end_ok(10);
  counters.end_failed(Failure::reset);
  counters.end_failed(Failure::connect);
  counters.end_failed(Failure::reset);
  const EndpointStats stats = counters.stats();
  EXPECT_EQ(stats.in_flight, 1U);
  EXPECT_EQ(stats.requests, 5U);
  EXPECT_EQ(stats.retries, 2U);
  EXPECT_THAT(stats.failures, ElementsAre(Pair("connect", 1), Pair("reset", 2)));
}

TEST(EndpointCounters, WithoutRequestsThereIsNoLatency) {
  const EndpointStats stats = EndpointCounters().stats();
  EXPECT_EQ(stats.p50_us, 0U);
  EXPECT_EQ(stats.p99_us, 0U);
  EXPECT_THAT(stats.failures, ElementsAre());
}

TEST(EndpointCounters, PercentilesAreAtMostAQuarterTooHigh) {
  for (std::uint64_t us : {1U, 2U, 5U, 9U, 17U, 99U, 1'000U, 123'456U, 60'000'000U}) {
    EndpointCounters counters;
    for (int i = 0; i < 100; ++i) {
      counters.begin(false);
      counters.end_ok(i < 50 ? us : i < 98 ? 10 * us : 100 * us);
    }
    const EndpointStats stats = counters.stats();
    EXPECT_GE(stats.p50_us, us);
    EXPECT_LE(stats.p50_us, us + us / 4);
    EXPECT_GE(stats.p90_us, 10 * us);
    EXPECT_LE(stats.p90_us, 10 * us + 10 * us / 4);
    EXPECT_GE(stats.p99_us, 100 * us);
    EXPECT_LE(stats.p99_us, 100 * us + 100 * us / 4);
  }
}

TEST(EndpointCounters, VeryLongTimesAreInTheLastBucket) {
  EndpointCounters counters;
  counters.begin(false);
  counters.end_ok(std::uint64_t{1} << 60U);
  EXPECT_GT(counters.stats().p50_us, std::uint64_t{2} * 3'600 * 1'000'000);
}

}  // namespace
}  // namespace semroute::plugins
