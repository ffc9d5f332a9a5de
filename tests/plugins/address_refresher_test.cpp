// Names are looked up before anybody asks, and again before what is known has grown old.
#include "plugins/targets/address_refresher.h"

#include <gtest/gtest.h>

#include <atomic>

namespace semroute::plugins {
namespace {

TEST(AddressRefresher, LooksNamesUpWithoutBeingAskedAndLiteralsNever) {
  std::atomic<int> look_ups = 0;
  const auto look_up = [&](const std::string& host, std::uint16_t port) -> core::Result<HostAddresses::List> {
    EXPECT_EQ(host, "name");
    const int last = ++look_ups;
    return HostAddresses::List{{boost::asio::ip::make_address("127.0.0." + std::to_string(last)), port}};
  };
  const auto name = std::make_shared<HostAddresses>("name", 80, look_up);
  const auto literal = std::make_shared<HostAddresses>("127.0.0.9", 80, look_up);
  boost::asio::io_context io;
  {
    const AddressRefresher refresher(io, {name, literal}, std::chrono::milliseconds(1));
    const auto give_up = Clock::now() + std::chrono::seconds(60);
    while (look_ups < 3 && Clock::now() < give_up) io.run_one_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(look_ups, 3);
  EXPECT_NE(name->known(Clock::now()), nullptr);
  io.restart();
  EXPECT_LE(io.run(), 1U) << "its end ends it";
}

TEST(AddressRefresher, HasNothingToDoWithoutNames) {
  const auto never = [](const std::string&, std::uint16_t) -> core::Result<HostAddresses::List> {
    ADD_FAILURE() << "looked up";
    return HostAddresses::List{};
  };
  boost::asio::io_context io;
  const AddressRefresher refresher(io, {std::make_shared<HostAddresses>("::1", 80, never)});
  EXPECT_EQ(io.run(), 0U);
}

}  // namespace
}  // namespace semroute::plugins
