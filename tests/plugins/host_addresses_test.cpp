#include "plugins/targets/host_addresses.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "core/base/limits.h"
#include "tests/support/eventually.h"

namespace semroute::plugins {
namespace {

using List = HostAddresses::List;

List list_of(const char* address, std::uint16_t port) { return {{boost::asio::ip::make_address(address), port}}; }

TEST(HostAddresses, ALiteralIsKnownFromTheStart) {
  const auto never = [](const std::string&, std::uint16_t) -> core::Result<List> {
    ADD_FAILURE() << "looked up";
    return List{};
  };
  for (const char* literal : {"127.0.0.1", "::1"}) {
    const auto addresses = std::make_shared<HostAddresses>(literal, 80, never);
    const auto known = addresses->known(Clock::now() + std::chrono::hours(100));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(known->front().address().to_string(), literal);
  }
}

TEST(HostAddresses, ANameIsLookedUpOnceForAllWhoWaitAndAgainLater) {
  std::atomic<int> look_ups = 0;
  const auto addresses = std::make_shared<HostAddresses>(
      "name", 80, [&](const std::string& host, std::uint16_t port) -> core::Result<List> {
        EXPECT_EQ(host, "name");
        return list_of(++look_ups == 1 ? "127.0.0.1" : "127.0.0.2", port);
      });
  EXPECT_EQ(addresses->known(Clock::now()), nullptr);
  std::promise<void> told;
  addresses->wait(&told, [&] { told.set_value(); });
  told.get_future().wait();
  EXPECT_EQ(look_ups, 1);
  const auto now = Clock::now();
  EXPECT_EQ(addresses->known(now)->front().address().to_string(), "127.0.0.1");
  EXPECT_EQ(look_ups, 1);
  // Old ones are used while it is looked up again.
  const auto later = now + core::kHttpResolveAgain + std::chrono::seconds(1);
  EXPECT_NE(addresses->known(later), nullptr);
  ASSERT_TRUE(test::eventually([&] { return addresses->known(now)->front().address().to_string() == "127.0.0.2"; }));
  EXPECT_EQ(look_ups, 2);
}

TEST(HostAddresses, AFailureIsToldAndKeepsWhatWasKnown) {
  std::atomic<bool> fails = true;
  std::atomic<int> look_ups = 0;
  const auto addresses =
      std::make_shared<HostAddresses>("name", 80, [&](const std::string&, std::uint16_t port) -> core::Result<List> {
        ++look_ups;
        if (fails) return core::Error{core::ErrorCode::upstream_unavailable, "no such name"};
        return list_of("127.0.0.1", port);
      });
  const auto wait = [&] {
    std::promise<void> told;
    addresses->wait(&told, [&] { told.set_value(); });
    told.get_future().wait();
  };
  wait();
  EXPECT_EQ(addresses->known(Clock::now()), nullptr);
  EXPECT_EQ(addresses->problem(), "no such name");
  fails = false;
  wait();
  EXPECT_NE(addresses->known(Clock::now()), nullptr);
  fails = true;
  wait();
  EXPECT_NE(addresses->known(Clock::now()), nullptr);
  EXPECT_EQ(look_ups, 3);
}

// A look-up that hangs tells nobody who has gone, and outlives its owner.
TEST(HostAddresses, WhoForgetsIsNotTold) {
  std::promise<void> go;
  std::atomic<bool> ended = false;
  struct Ended {
    explicit Ended(std::atomic<bool>& told) : flag(told) {}
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;
    std::atomic<bool>& flag;
    ~Ended() { flag = true; }
  };
  auto addresses =
      std::make_shared<HostAddresses>("name", 80,
                                      [go = go.get_future().share(), at_end = std::make_shared<Ended>(ended)](
                                          const std::string&, std::uint16_t port) -> core::Result<List> {
                                        go.wait();
                                        return list_of("127.0.0.1", port);
                                      });
  int key = 0;
  addresses->wait(&key, [] { ADD_FAILURE() << "told after forget()"; });
  addresses->forget(&key);
  addresses.reset();
  go.set_value();
  EXPECT_TRUE(test::eventually([&] { return ended.load(); }));
}

TEST(HostAddresses, TheSystemKnowsItself) {
  const auto found = look_up_by_system("localhost", 81);
  ASSERT_TRUE(found.ok());
  for (const auto& one : *found) {
    EXPECT_TRUE(one.address().is_loopback());
    EXPECT_EQ(one.port(), 81);
  }
  EXPECT_FALSE(look_up_by_system(std::string(70, 'a') + ".invalid", 80).ok());
}

}  // namespace
}  // namespace semroute::plugins
