#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "plugins/registry.h"
#include "tests/plugins/target_nodes.h"

namespace semroute::plugins {
namespace {

using test::map;
using test::scalar;
using test::target_of;

DispatchReply reply_of(const config::TargetConfig& config, DispatchRequest request = {}) {
  boost::asio::io_context io;
  const auto target = make_target(config);
  const auto channel = target->open(io);
  std::optional<DispatchOutcome> outcome;
  const auto call = channel->dispatch(std::make_shared<DispatchRequest>(std::move(request)), nullptr,
                                      [&](DispatchOutcome o) { outcome = std::move(o); });
  EXPECT_EQ(call, nullptr);
  if (!outcome.has_value() || !outcome->reply.ok()) {
    ADD_FAILURE() << "no reply";
    return {};
  }
  return outcome->reply.value();
}

TEST(StaticTarget, AnswersAtOnceWithItsReplyAsJson) {
  const auto config = target_of("canned", "static", {{"reply", {}, map({{"answer", {}, scalar(std::int64_t{42})}})}});
  EXPECT_TRUE(test::problems_of(config).empty());
  const DispatchReply reply = reply_of(config);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body, R"({"answer":42})");
}

TEST(StaticTarget, WritesEveryTypeOfValue) {
  config::Value list;
  list.data = config::Value::List{
      config::Value{}, scalar(true), scalar(0.1), scalar(std::int64_t{-7}), scalar(std::string("a\"b\\\n\x01\xc3\xa9")),
      map({})};
  const DispatchReply reply = reply_of(target_of("canned", "static", {{"reply", {}, list}}));
  EXPECT_EQ(reply.body, "[null,true,0.1,-7,\"a\\\"b\\\\\\n\\u0001\xc3\xa9\",{}]");
}

TEST(StaticTarget, AnswersWithTheStatusGiven) {
  const auto config =
      target_of("gone", "static", {{"reply", {}, config::Value{}}, {"status", {}, scalar(std::int64_t{410})}});
  const DispatchReply reply = reply_of(config);
  EXPECT_EQ(reply.status, 410);
  EXPECT_EQ(reply.body, "null");
}

TEST(StaticTarget, RefusesWhatItCannotServe) {
  EXPECT_EQ(test::problems_of(target_of("a", "static", {})).size(), 1U);
  const auto infinite = scalar(std::numeric_limits<double>::infinity());
  EXPECT_EQ(test::problems_of(target_of("a", "static", {{"reply", {}, infinite}})).size(), 1U);
  const auto reply = scalar(std::string("x"));
  for (const std::int64_t status : {99, 100, 199, 600}) {
    EXPECT_EQ(
        test::problems_of(target_of("a", "static", {{"reply", {}, reply}, {"status", {}, scalar(status)}})).size(), 1U)
        << status;
  }
  const auto unknown = test::problems_of(target_of("a", "static", {{"reply", {}, reply}, {"delay", {}, reply}}));
  ASSERT_EQ(unknown.size(), 1U);
  EXPECT_EQ(unknown[0].key_path, "targets[0].delay");
}

TEST(StaticTarget, ADeadlineThatPassedIsATimeout) {
  boost::asio::io_context io;
  const auto target = make_target(target_of("canned", "static", {{"reply", {}, config::Value{}}}));
  const auto channel = target->open(io);
  DispatchRequest request;
  request.deadline = Clock::now() - std::chrono::milliseconds(1);
  std::optional<DispatchOutcome> outcome;
  channel->dispatch(std::make_shared<DispatchRequest>(std::move(request)), nullptr,
                    [&](DispatchOutcome o) { outcome = std::move(o); });
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->reply.ok());
  EXPECT_EQ(outcome->reply.error().code, core::ErrorCode::timeout);
  EXPECT_FALSE(outcome->sent);
}

}  // namespace
}  // namespace semroute::plugins
