#include "plugins/targets/http/retry_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace semroute::plugins {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Clock::time_point kStart = Clock::time_point(std::chrono::hours(5));

int taken(HttpRetryBudget& budget, Clock::time_point now, int wanted) {
  int count = 0;
  for (int i = 0; i < wanted; ++i) count += budget.take(now) ? 1 : 0;
  return count;
}

TEST(HttpRetryBudget, IsAShareOfTheRequestsAndAFew) {
  HttpRetryBudget budget(20, 3);
  EXPECT_EQ(taken(budget, kStart, 100), 3);
  for (int i = 0; i < 100; ++i) budget.on_request(kStart);
  EXPECT_EQ(taken(budget, kStart, 100), 20);
  HttpRetryBudget none(0, 0);
  for (int i = 0; i < 100; ++i) none.on_request(kStart);
  EXPECT_EQ(taken(none, kStart, 100), 0);
}

TEST(HttpRetryBudget, ForgetsWhatIsLongAgo) {
  HttpRetryBudget budget(50, 0);
  for (int i = 0; i < 10; ++i) budget.on_request(kStart);
  EXPECT_EQ(taken(budget, kStart + seconds(8), 100), 5);
  EXPECT_EQ(taken(budget, kStart + seconds(30), 100), 0);
  for (int i = 0; i < 10; ++i) budget.on_request(kStart + seconds(40));
  EXPECT_EQ(taken(budget, kStart + seconds(41), 100), 5);
}

// Whatever happened when: with each retry, those of the last 10 s are at most 20 % of their requests and 3.
TEST(HttpRetryBudget, IsNeverExceeded) {
  HttpRetryBudget budget(20, 3);
  std::deque<Clock::time_point> requests;
  std::deque<Clock::time_point> retries;
  std::uint64_t state = 88172645463325252ULL;
  auto now = kStart;
  for (int i = 0; i < 50'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    now += milliseconds(state % 20);
    const auto is_old = [&](Clock::time_point then) { return now - then >= core::kHttpRetryWindow; };
    while (!requests.empty() && is_old(requests.front())) requests.pop_front();
    while (!retries.empty() && is_old(retries.front())) retries.pop_front();
    // Bursts of requests, and of retries without any.
    if ((state >> 20U) % 3 != 0 && (i / 5'000) % 2 == 0) {
      budget.on_request(now);
      requests.push_back(now);
    }
    if (!budget.take(now)) continue;
    retries.push_back(now);
    ASSERT_LE(static_cast<double>(retries.size()), 0.2 * static_cast<double>(requests.size()) + 3) << i;
  }
}

TEST(HttpRetryBudget, ThreadsShareOne) {
  HttpRetryBudget budget(10, 0);
  for (int i = 0; i < 10'000; ++i) budget.on_request(kStart);
  std::atomic<int> total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { total += taken(budget, kStart, 1'000); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, 1'000);
}

}  // namespace
}  // namespace semroute::plugins
