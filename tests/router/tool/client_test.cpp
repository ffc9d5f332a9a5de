#include "router/tool/client.h"

#include <gtest/gtest.h>

#include "router/tool/ask.h"
#include "router/tool/json_text.h"
#include "tests/router/tool/stand_in.h"

namespace semroute::router::tool {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;

std::string frame(std::string_view body) {
  std::string out{'\xA7', 1, 1, 0, 0, 0, 0, 0};
  out += static_cast<char>(body.size());
  out += std::string(3, '\0') + std::string(4, '\0');
  return out + std::string(body);
}

TEST(Client, LinesComeWholeAndOneByOne) {
  StandIn server(StandIn::lines([](const std::string& line) { return "re:" + line + "\r\nsecond\n"; }));
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok()) << client.error().message;
  ASSERT_TRUE(client->send("hello\n").ok());
  EXPECT_EQ(*client->receive_line(), "re:hello");
  EXPECT_EQ(*client->receive_line(), "second");
}

TEST(Client, ALineLongerThanAReadIsOneLine) {
  const std::string longest(1'000'000, 'x');
  StandIn server(StandIn::lines([&](const std::string&) { return longest + "\n"; }));
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send("go\n").ok());
  EXPECT_EQ(client->receive_line().value(), longest);
}

TEST(Client, FramesComeWholeAndOneByOne) {
  StandIn server([](StandIn::Turn& turn) {
    turn.input.clear();
    return frame("abc") + frame("");
  });
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send(frame("question")).ok());
  EXPECT_EQ(client->receive_frame().value(), frame("abc"));
  EXPECT_EQ(client->receive_frame().value(), frame(""));
}

TEST(Client, WhatIsNoFrameIsSaid) {
  StandIn server([](StandIn::Turn& turn) {
    turn.input.clear();
    return std::string("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send(frame("")).ok());
  const auto reply = client->receive_frame();
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::internal);
}

TEST(Client, AnEndBeforeTheReplyIsUnavailable) {
  StandIn server([](StandIn::Turn& turn) {
    turn.input.clear();
    turn.hang_up = true;
    return std::string("half a li");
  });
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send("go\n").ok());
  const auto reply = client->receive_line();
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_NE(reply.error().message.find("before the reply was complete"), std::string::npos) << reply.error().message;
}

TEST(Client, SilenceIsATimeout) {
  StandIn server(StandIn::lines([](const std::string&) { return std::string{}; }));
  auto client = Client::connect(server.address());
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send("go\n").ok());
  const auto reply = client->receive_line(milliseconds{20});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::timeout);
}

TEST(Client, NobodyThereSaysWhatToDo) {
  std::string address;
  {
    const StandIn gone(StandIn::lines([](const std::string&) { return std::string{}; }));
    address = gone.address();
  }
  const auto client = Client::connect(address);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::unavailable);
  EXPECT_NE(client.error().message.find(address), std::string::npos);
  EXPECT_NE(client.error().message.find("semrouted --config"), std::string::npos);
}

TEST(Ask, RefusalsHaveTheirExitCodes) {
  const auto exit_of = [](const std::string& reply) { return refusal_of(*parse_json(reply)).exit; };
  EXPECT_EQ(exit_of(R"({"ok":true})"), Exit::ok);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"dimension_mismatch","message":""}})"), Exit::data);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"not_found","message":""}})"), Exit::data);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"upstream_timeout","message":""}})"), Exit::unavailable);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"unavailable","message":""}})"), Exit::unavailable);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"internal","message":""}})"), Exit::software);
  EXPECT_EQ(exit_of(R"({"ok":false,"error":{"code":"of_a_later_version"}})"), Exit::software);
  EXPECT_EQ(exit_of("{}"), Exit::software);
}

}  // namespace
}  // namespace semroute::router::tool
