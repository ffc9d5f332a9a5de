#include "plugins/targets/connection_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "plugins/targets/connection_pool.h"

namespace semroute::plugins {
namespace {

// A pool whose connections are nothing but their permits.
class Pool final : public ConnectionPool {
 public:
  using ConnectionPool::ConnectionPool;
  ~Pool() override = default;

  void ask() {
    waiting_ = 1;
    serve_waiting();
  }
  [[nodiscard]] bool is_served() const noexcept { return waiting_ == 0; }
  [[nodiscard]] ConnectionPermit take_away() {
    on_closed();
    return std::move(permit_);
  }
  void end() { close_line(); }

 private:
  [[nodiscard]] bool has_waiting() const noexcept override { return waiting_ > 0; }
  [[nodiscard]] bool serve_next() override {
    permit_ = take_permit();
    if (!permit_) return false;
    waiting_ = 0;
    return true;
  }
  bool close_an_idle_one() override { return false; }

  int waiting_ = 0;
  ConnectionPermit permit_;
};

// The only permit comes back while another worker begins to want it: whoever was first, it is served then, without
// anything else that happens.
TEST(ConnectionLimit, WhoBeginsToWantWhileOneIsGivenBackGetsIt) {
  constexpr int kTimes = 20'000;
  boost::asio::io_context io;
  const auto limit = std::make_shared<ConnectionLimit>(1, 10);
  const auto pool = std::make_shared<Pool>(io, limit);
  limit->join(pool);
  ConnectionPermit held = limit->take();
  ASSERT_TRUE(held);
  std::atomic<int> begun{0};
  std::atomic<int> given{0};
  std::thread giver([&] {
    for (int i = 1; i <= kTimes; ++i) {
      // Awake, to be there at the same moment; but not where both have one processor.
      for (int spins = 1; begun.load() < i; ++spins)
        if (spins % 1'000 == 0) std::this_thread::yield();
      held.give_back();
      given.store(i);
    }
  });
  int unserved = 0;
  for (int i = 1; i <= kTimes; ++i) {
    begun.store(i);
    pool->ask();
    while (given.load() < i) std::this_thread::yield();
    io.restart();
    io.poll();
    if (!pool->is_served()) {
      ++unserved;
      pool->ask();
      io.restart();
      io.poll();
    }
    held = pool->take_away();
  }
  giver.join();
  EXPECT_EQ(unserved, 0);
  held.give_back();
  pool->end();
}

}  // namespace
}  // namespace semroute::plugins
