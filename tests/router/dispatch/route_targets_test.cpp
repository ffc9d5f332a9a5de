#include "router/dispatch/route_targets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/router/dispatch/scripted_target.h"

namespace semroute::router {
namespace {

constexpr int kKeys = 100'000;

using Weights = std::vector<std::pair<std::string, double>>;

class RouteTargetsTest : public ::testing::Test {
 protected:
  DispatchTarget named(const std::string& name) { return {std::make_shared<test::ScriptedTarget>(name), &counters_}; }
  RouteTargets make(const Weights& weights, std::string_view route = "billing") {
    std::vector<std::pair<DispatchTarget, double>> split;
    for (const auto& [name, weight] : weights) split.emplace_back(named(name), weight);
    return {route, split, {}, std::nullopt};
  }
  std::string chosen(const RouteTargets& targets, const std::optional<std::string>& key) {
    return targets.split(targets.choose(key, random_)).name();
  }
  // The share of each target over many requests, by key or drawn.
  std::map<std::string, double> shares(const RouteTargets& targets, bool with_key) {
    std::map<std::string, double> shares;
    for (int i = 0; i < kKeys; ++i)
      shares[chosen(targets, with_key ? std::optional("user-" + std::to_string(i)) : std::nullopt)] += 1.0 / kKeys;
    return shares;
  }

  TargetCounters counters_;
  Random random_{7};
};

TEST_F(RouteTargetsTest, SharesAreTheWeightsWithinOnePercent) {
  const RouteTargets targets = make({{"a", 90}, {"b", 9}, {"c", 1}});
  for (const bool with_key : {true, false}) {
    auto found = shares(targets, with_key);
    EXPECT_NEAR(found["a"], 0.90, 0.01) << with_key;
    EXPECT_NEAR(found["b"], 0.09, 0.01) << with_key;
    EXPECT_NEAR(found["c"], 0.01, 0.0025) << with_key;
  }
}

TEST_F(RouteTargetsTest, AKeyAlwaysGoesTheSameWay) {
  const RouteTargets targets = make({{"a", 3}, {"b", 2}});
  const RouteTargets again = make({{"b", 2}, {"a", 3}});
  const RouteTargets scaled = make({{"a", 30}, {"b", 20}});
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i);
    EXPECT_EQ(chosen(targets, key), chosen(again, key)) << "the order of the list does not matter: " << key;
    EXPECT_EQ(chosen(targets, key), chosen(scaled, key)) << "nor does the sum of the weights: " << key;
  }
  // Kept for ever: what is sticky stays so over restarts and versions.
  std::string ways;
  for (int i = 0; i < 24; ++i) ways += chosen(targets, "key-" + std::to_string(i));
  EXPECT_EQ(ways, "aaababaaabbbbbabababaaaa");
}

TEST_F(RouteTargetsTest, AChangedWeightMovesNoMoreKeysThanItHasTo) {
  const RouteTargets before = make({{"a", 90}, {"b", 10}});
  const RouteTargets after = make({{"a", 80}, {"b", 20}});
  int to_a = 0;
  int to_b = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = std::to_string(i);
    const std::string then = chosen(before, key);
    const std::string now = chosen(after, key);
    to_a += then == "b" && now == "a" ? 1 : 0;
    to_b += then == "a" && now == "b" ? 1 : 0;
  }
  EXPECT_EQ(to_a, 0);
  EXPECT_NEAR(to_b, 0.10 * kKeys, 0.01 * kKeys);
}

TEST_F(RouteTargetsTest, RoutesShareOutTheSameKeysIndependently) {
  const RouteTargets one = make({{"a", 1}, {"b", 1}}, "billing");
  const RouteTargets other = make({{"a", 1}, {"b", 1}}, "refund");
  int same = 0;
  for (int i = 0; i < kKeys; ++i) same += chosen(one, std::to_string(i)) == chosen(other, std::to_string(i)) ? 1 : 0;
  EXPECT_NEAR(same, kKeys / 2.0, 0.01 * kKeys);
}

TEST_F(RouteTargetsTest, TheMirrorGetsItsPercent) {
  std::vector<std::pair<DispatchTarget, double>> split;
  split.emplace_back(named("a"), 1.0);
  for (const double share : {0.0, 0.05, 1.0}) {
    const RouteTargets targets("billing", split, {}, RouteTargets::MirrorTo{named("shadow"), share});
    int copies = 0;
    for (int i = 0; i < kKeys; ++i) copies += targets.mirror(random_) != nullptr ? 1 : 0;
    const double slack = share == 0.05 ? 0.0025 * kKeys : 0.0;
    EXPECT_NEAR(copies, share * kKeys, slack) << share;
  }
  EXPECT_EQ(make({{"a", 1}}).mirror(random_), nullptr);
}

}  // namespace
}  // namespace semroute::router
