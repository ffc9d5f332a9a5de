#include "plugins/targets/http/balancer.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace semroute::plugins {
namespace {

using Endpoint = HttpBalancer::Endpoint;

std::vector<int> picks(HttpBalance balance, const std::vector<Endpoint>& endpoints, int count) {
  HttpBalancer balancer(balance);
  std::mt19937_64 random(7);
  std::vector<int> counts(endpoints.size());
  for (int i = 0; i < count; ++i) {
    const auto picked = balancer.pick(endpoints, random());
    if (picked) ++counts[*picked];
  }
  return counts;
}

constexpr HttpBalance kAll[] = {HttpBalance::round_robin, HttpBalance::least_request, HttpBalance::random};

TEST(HttpBalancer, TakesOnlyWhatIsUsable) {
  for (const HttpBalance balance : kAll) {
    const auto counts = picks(balance, {{.usable = false}, {.weight = 3}, {.usable = false}, {.weight = 1}}, 1'000);
    EXPECT_EQ(counts[0] + counts[2], 0);
    EXPECT_EQ(counts[1] + counts[3], 1'000);
    EXPECT_GT(counts[3], 0);
    HttpBalancer balancer(balance);
    EXPECT_FALSE(balancer.pick(std::vector<Endpoint>{{.usable = false}}, 1));
    EXPECT_FALSE(balancer.pick({}, 1));
  }
}

TEST(HttpBalancer, ARetryPrefersWhatWasNotTried) {
  for (const HttpBalance balance : kAll) {
    EXPECT_EQ(picks(balance, {{.tried = true}, {}, {.tried = true}}, 100), (std::vector<int>{0, 100, 0}));
    // What was not tried but cannot be used is no choice.
    EXPECT_EQ(picks(balance, {{.tried = true}, {.usable = false}}, 100), (std::vector<int>{100, 0}));
  }
}

TEST(HttpBalancer, InTurnEachHasExactlyItsShareAndNoneInARow) {
  const std::vector<Endpoint> endpoints{{.weight = 5}, {.weight = 1}, {.weight = 1}};
  HttpBalancer balancer(HttpBalance::round_robin);
  std::vector<std::size_t> order;
  for (int i = 0; i < 7; ++i) order.push_back(*balancer.pick(endpoints, 0));
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 0, 1, 0, 2, 0, 0}));  // as nginx has it
  EXPECT_EQ(picks(HttpBalance::round_robin, endpoints, 700), (std::vector<int>{500, 100, 100}));
}

TEST(HttpBalancer, AtRandomEachHasAboutItsShare) {
  const auto counts = picks(HttpBalance::random, {{.weight = 2, .in_flight = 9}, {}, {}}, 40'000);
  EXPECT_NEAR(counts[0] / 40'000.0, 0.5, 0.02);
  EXPECT_NEAR(counts[1] / 40'000.0, 0.25, 0.02);
}

TEST(HttpBalancer, OfTwoTheOneWithFewerInFlightForItsWeight) {
  EXPECT_EQ(picks(HttpBalance::least_request, {{.in_flight = 9}, {.in_flight = 1}}, 100), (std::vector<int>{0, 100}));
  // 3 of weight 4 are fewer than 1 of weight 1.
  EXPECT_EQ(picks(HttpBalance::least_request, {{.weight = 4, .in_flight = 3}, {.weight = 1, .in_flight = 1}}, 100),
            (std::vector<int>{100, 0}));
  // The busiest of three is never the less busy of two.
  EXPECT_EQ(picks(HttpBalance::least_request, {{.in_flight = 5}, {.in_flight = 6}, {.in_flight = 4}}, 1'000)[1], 0);
}

TEST(HttpBalancer, LeastRequestEvensOutWhatIsUnequal) {
  HttpBalancer balancer(HttpBalance::least_request);
  std::mt19937_64 random(1);
  std::vector<Endpoint> endpoints(10);
  endpoints[3].in_flight = 200;
  for (int i = 0; i < 1'000; ++i) ++endpoints[*balancer.pick(endpoints, random())].in_flight;
  for (const Endpoint& endpoint : endpoints) EXPECT_LE(endpoint.in_flight, 200U);
}

}  // namespace
}  // namespace semroute::plugins
