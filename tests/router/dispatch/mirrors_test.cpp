#include "router/dispatch/mirrors.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/router/dispatch/scripted_target.h"

namespace semroute::router {
namespace {

using core::ErrorCode;

class MirrorsTest : public ::testing::Test {
 protected:
  void send(std::size_t payload_bytes = 1) {
    plugins::DispatchRequest request;
    request.payload.assign(payload_bytes, 'x');
    mirrors_.send(to_, request);
  }
  std::uint64_t count(ErrorCode code) { return counters_.outcomes[static_cast<std::size_t>(code)].load(); }

  boost::asio::io_context io_;
  ChannelPool pool_{io_};
  TargetCounters counters_;
  std::shared_ptr<test::ScriptedTarget> target_ = std::make_shared<test::ScriptedTarget>("shadow");
  DispatchTarget to_{target_, &counters_};
  Mirrors mirrors_{io_, pool_};
};

TEST_F(MirrorsTest, RepliesAndFailuresAreCountedAndDropped) {
  send();
  send();
  send();
  EXPECT_EQ(mirrors_.in_flight(), 3U);
  EXPECT_EQ(counters_.in_flight.load(), 3U);
  target_->calls[0]->answer("nobody reads this");
  target_->calls[1]->fail(ErrorCode::upstream_error, true);
  // A reply that comes in parts is taken in parts.
  target_->calls[2]->sink->on_head(200, "text/plain");
  EXPECT_TRUE(target_->calls[2]->sink->on_bytes("nor this"));
  target_->calls[2]->answer("");
  EXPECT_EQ(mirrors_.in_flight(), 0U);
  EXPECT_EQ(counters_.in_flight.load(), 0U);
  EXPECT_EQ(counters_.outcomes[0].load(), 2U);
  EXPECT_EQ(count(ErrorCode::upstream_error), 1U);
}

TEST_F(MirrorsTest, ACopySaysThatItIsOneAndIsTheSameElse) {
  plugins::DispatchRequest request;
  request.payload = "p";
  request.request_id = "r-1";
  request.headers = {{"x-tenant", "a"}};
  request.deadline = plugins::Clock::now() + std::chrono::hours(1);
  mirrors_.send(to_, request);
  const plugins::DispatchRequest& copy = *target_->calls.at(0)->request;
  EXPECT_TRUE(copy.is_mirror);
  EXPECT_FALSE(request.is_mirror);
  EXPECT_EQ(copy.payload, "p");
  EXPECT_EQ(copy.request_id, "r-1");
  EXPECT_EQ(copy.headers, request.headers);
  EXPECT_EQ(copy.deadline, request.deadline);
  target_->calls[0]->answer("");
}

TEST_F(MirrorsTest, ASlowMirrorDoesNotPileUp) {
  for (std::size_t i = 0; i < core::kMaxMirrorsInFlight + 7; ++i) send();
  EXPECT_EQ(target_->calls.size(), core::kMaxMirrorsInFlight);
  EXPECT_EQ(mirrors_.in_flight(), core::kMaxMirrorsInFlight);
  EXPECT_EQ(count(ErrorCode::overloaded), 7U);
  const auto other = std::make_shared<test::ScriptedTarget>("other");
  TargetCounters counters;
  mirrors_.send({other, &counters}, plugins::DispatchRequest());
  EXPECT_EQ(other->calls.size(), 1U) << "another mirror has room of its own";
  other->calls[0]->answer("");
  target_->calls[5]->answer("");
  send();
  EXPECT_EQ(target_->calls.size(), core::kMaxMirrorsInFlight + 1) << "there is room again";
}

TEST_F(MirrorsTest, NorDoTheirPayloads) {
  send(core::kMaxMirrorBytes / 2);
  send(core::kMaxMirrorBytes / 2);
  send(1);
  EXPECT_EQ(target_->calls.size(), 2U);
  EXPECT_EQ(count(ErrorCode::overloaded), 1U);
  target_->calls[0]->fail(ErrorCode::upstream_timeout, true);
  send(1);
  EXPECT_EQ(target_->calls.size(), 3U);
}

TEST_F(MirrorsTest, ThoseUnderWayCanBeCancelled) {
  send();
  send();
  target_->calls[0]->answer("");
  mirrors_.cancel();
  EXPECT_EQ(mirrors_.in_flight(), 0U);
  EXPECT_EQ(count(ErrorCode::cancelled), 1U);
}

TEST_F(MirrorsTest, AnEndlessReplyDoesNotKeepItsPlace) {
  Mirrors mirrors(io_, pool_, std::chrono::milliseconds(-1));
  mirrors.send(to_, plugins::DispatchRequest());
  const auto call = target_->calls.at(0);
  call->sink->on_head(200, "text/event-stream");
  EXPECT_TRUE(call->sink->on_bytes("data: 1\n\n"));
  EXPECT_TRUE(call->sink->on_bytes("data: 2\n\n"));
  EXPECT_FALSE(call->was_cancelled) << "not while it hands something over";
  io_.run();
  EXPECT_TRUE(call->was_cancelled);
  EXPECT_EQ(mirrors.in_flight(), 0U);
}

TEST_F(MirrorsTest, ItsEndCancelsThem) {
  {
    Mirrors mirrors(io_, pool_);
    mirrors.send(to_, plugins::DispatchRequest());
  }
  EXPECT_TRUE(target_->calls.at(0)->was_cancelled);
  EXPECT_EQ(counters_.in_flight.load(), 0U);
}

TEST_F(MirrorsTest, OneThatEndsAtOnceLeavesNothing) {
  const auto quick = std::make_shared<test::ScriptedTarget>("quick", test::answering("x"));
  mirrors_.send({quick, &counters_}, plugins::DispatchRequest());
  EXPECT_EQ(mirrors_.in_flight(), 0U);
  EXPECT_EQ(counters_.outcomes[0].load(), 1U);
}

}  // namespace
}  // namespace semroute::router
