// Threads that look names up: as many as there is to do, up to a bound; one that hangs holds up nobody else.
#include "plugins/targets/look_up_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "plugins/targets/host_addresses.h"
#include "tests/support/eventually.h"

namespace semroute::plugins {
namespace {

TEST(LookUpThreads, JobsThatHangLeaveTheOthersTheRest) {
  LookUpThreads threads(3);
  std::promise<void> go;
  const auto held = go.get_future().share();
  std::atomic<int> hanging = 0;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(threads.run([&, held] {
      ++hanging;
      held.wait();
      --hanging;
    }));
  }
  std::atomic<int> done = 0;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(threads.run([&] { ++done; }));
  EXPECT_TRUE(test::eventually([&] { return done == 20; }));
  EXPECT_EQ(hanging, 2);
  go.set_value();
  EXPECT_TRUE(test::eventually([&] { return hanging == 0; }));
}

TEST(LookUpThreads, NoMoreRunThanMayAndWhatWaitsHasItsTurn) {
  LookUpThreads threads(2);
  std::promise<void> go;
  const auto held = go.get_future().share();
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(threads.run([&, held] {
      most = std::max(most.load(), ++running);
      held.wait();
      --running;
      ++done;
    }));
  }
  ASSERT_TRUE(test::eventually([&] { return running == 2; }));
  go.set_value();
  EXPECT_TRUE(test::eventually([&] { return done == 10; }));
  EXPECT_EQ(most, 2);
}

// faults.md 69
TEST(LookUpThreads, Fault69ANameThatHangsTakesOneThreadHoweverOftenItIsAskedFor) {
  LookUpThreads threads(2);
  std::promise<void> go;
  std::atomic<int> look_ups = 0;
  const auto look_up = [&look_ups, held = go.get_future().share()](
                           const std::string& host, std::uint16_t port) -> core::Result<HostAddresses::List> {
    ++look_ups;
    if (host == "hangs") held.wait();
    return HostAddresses::List{{boost::asio::ip::make_address("127.0.0.1"), port}};
  };
  const auto hangs = std::make_shared<HostAddresses>("hangs", 80, look_up, threads);
  const auto works = std::make_shared<HostAddresses>("works", 80, look_up, threads);
  int keys[10];
  for (int& key : keys) {
    hangs->wait(&key, [] {});
    hangs->refresh();
  }
  for (int i = 0; i < 3; ++i) {
    std::promise<void> told;
    works->wait(&told, [&] { told.set_value(); });
    told.get_future().wait();
  }
  EXPECT_NE(works->known(Clock::now()), nullptr);
  EXPECT_EQ(hangs->known(Clock::now()), nullptr);
  EXPECT_EQ(look_ups, 1 + 3);
  go.set_value();
  EXPECT_TRUE(test::eventually([&] { return hangs->known(Clock::now()) != nullptr; }));
}

}  // namespace
}  // namespace semroute::plugins
