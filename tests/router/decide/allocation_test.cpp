// Counts what goes through operator new while a decision is made: nothing may.
#include <gtest/gtest.h>

#include "router/decide/decide.h"
#include "router/decide/nearest_routes.h"
#include "tests/router/decide/tables.h"
#include "tests/support/allocation_count.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using semroute::test::allocation_count;

void expect_none(const std::vector<test::RouteSpec>& routes, const Filter& filter) {
  if (!semroute::test::kAllocationsAreCounted) GTEST_SKIP() << "a sanitizer build counts no allocations";
  const std::vector<float> query{1.0F};
  for (const Aggregation aggregation :
       {Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean, Aggregation::centroid}) {
    config::DecisionConfig rules = test::max_at(0.1);
    rules.aggregation = aggregation;
    rules.top_m = 20;
    const auto state = test::state_of(routes, rules);
    DecideScratch scratch;
    Decision decision;
    const auto decide_all = [&] {
      for (const bool explain : {false, true}) {
        for (const Filter* with : {static_cast<const Filter*>(nullptr), &filter}) {
          for (const std::size_t top_k : {1U, 7U, 100U})
            decide(*state, {query, top_k, with, std::nullopt, explain}, scratch, decision);
        }
      }
    };
    decide_all();
    const std::size_t before = allocation_count();
    decide_all();
    EXPECT_EQ(allocation_count(), before) << config::to_string(aggregation);
  }
  const std::size_t before = allocation_count();
  const auto counted = std::make_unique<int>(1);
  EXPECT_EQ(allocation_count(), before + 1) << "the count counts";
}

TEST(DecideAllocations, NoneOnceScratchAndDecisionHaveGrown) {
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 40; ++i)
    routes.push_back({"route" + std::to_string(i), std::vector<float>(static_cast<std::size_t>(3 + i), 0.5F), {0.25F}});
  Filter filter;
  filter.routes = {{"route3", "route17", "route3", "nowhere"}};
  expect_none(routes, filter);
}

TEST(DecideAllocations, NoneWhereTheIndexIsSearched) {
  std::vector<test::RouteSpec> routes;
  Filter filter;
  filter.routes.emplace();
  for (std::size_t i = 0; i < 1'200; ++i) {
    test::RouteSpec& route = routes.emplace_back();
    route.name = "route" + std::to_string(i);
    for (std::size_t row = 0; row < 30; ++row) route.references.push_back(static_cast<float>(row * 1'200 + i) * 1e-5F);
    route.negatives = {0.001F};
    if (i % 8 != 0) filter.routes->push_back(route.name);
  }
  ASSERT_GE(filter.routes->size(), kFewestToFetch);
  expect_none(routes, filter);
}

}  // namespace
}  // namespace semroute::router
