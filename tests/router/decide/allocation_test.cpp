// Counts operator new. Sanitizers replace it themselves, so that there is nothing to count there.
#include "tests/support/sanitizer.h"

#if !SEMROUTE_SANITIZED
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "router/decide/decide.h"
#include "tests/router/decide/tables.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Not inlined: g++ 12 would pair one half with the library's other half and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace semroute::router {
namespace {

using config::Aggregation;

TEST(DecideAllocations, NoneOnceScratchAndDecisionHaveGrown) {
  std::vector<test::RouteSpec> routes;
  for (int i = 0; i < 40; ++i)
    routes.push_back({"route" + std::to_string(i), std::vector<float>(static_cast<std::size_t>(3 + i), 0.5F), {0.25F}});
  Filter filter;
  filter.routes = {{"route3", "route17", "route3", "nowhere"}};
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
        for (const Filter* with : {static_cast<const Filter*>(nullptr), static_cast<const Filter*>(&filter)}) {
          for (const std::size_t top_k : {1U, 7U, 100U})
            decide(*state, {query, top_k, with, std::nullopt, explain}, scratch, decision);
        }
      }
    };
    decide_all();
    const std::size_t before = allocations.load();
    decide_all();
    EXPECT_EQ(allocations.load(), before) << config::to_string(aggregation);
  }
  const std::size_t before = allocations.load();
  const auto counted = std::make_unique<int>(1);
  EXPECT_EQ(allocations.load(), before + 1) << "the count counts";
}

}  // namespace
}  // namespace semroute::router
#endif
