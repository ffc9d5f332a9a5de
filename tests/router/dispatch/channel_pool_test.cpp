#include "router/dispatch/channel_pool.h"

#include <gtest/gtest.h>

#include "tests/router/dispatch/scripted_target.h"

namespace semroute::router {
namespace {

using test::ScriptedTarget;

TEST(ChannelPool, HasOneChannelToATarget) {
  boost::asio::io_context io;
  ChannelPool pool(io);
  const auto a = std::make_shared<ScriptedTarget>("a");
  const auto b = std::make_shared<ScriptedTarget>("b");
  const auto channel = pool.channel(a);
  EXPECT_EQ(pool.channel(a), channel);
  EXPECT_NE(pool.channel(b), channel);
  pool.keep_only({a});
  EXPECT_EQ(pool.channel(a), channel);
}

// A request that began before a reload may fall back on a target that the reload removed.
TEST(ChannelPool, KeepsNothingOfATargetThatIsNotServedAnyMore) {
  boost::asio::io_context io;
  ChannelPool pool(io);
  const auto kept = std::make_shared<ScriptedTarget>("kept");
  const auto removed = std::make_shared<ScriptedTarget>("removed");
  std::weak_ptr<plugins::Channel> before = pool.channel(removed);
  pool.keep_only({kept});
  EXPECT_TRUE(before.expired());
  std::weak_ptr<plugins::Channel> late = pool.channel(removed);
  EXPECT_TRUE(late.expired());
  EXPECT_EQ(removed.use_count(), 1);
  EXPECT_EQ(pool.channel(kept), pool.channel(kept));
}

}  // namespace
}  // namespace semroute::router
