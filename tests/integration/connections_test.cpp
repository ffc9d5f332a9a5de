// What holds for every connection, whatever is asked on it: ids of requests, bounds of output, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A route of many references: one page of them is a reply of about 300 KB.
std::string many_references() {
  std::string yaml = "workers: 1\nindex: {dimension: 48}\nroutes:\n  - name: many\n    references:\n      vectors:\n";
  for (int row = 0; row < 500; ++row) {
    yaml += "        - [";
    for (int i = 0; i < 48; ++i) yaml += (i > 0 ? ", 0." : "0.") + std::to_string(101 + (row * 37 + i * 11) % 890);
    yaml += "]\n";
  }
  return yaml;
}

constexpr const char* kPage = R"({"id":1,"op":"routes.get","name":"many","vectors":true,"limit":500})";

TEST(EveryReply, HasARequestId) {
  const DaemonProcess daemon(tiny_config("limits: {max_request: 4KiB, request_timeout: 300ms}\n"));
  RawClient client(daemon.port());
  for (const char* line : {R"({"id":1,"op":"ping"})", R"({"id":1,"op":"match","embedding":[1,0]})", "{", "{}",
                           R"({"id":1,"op":"dance"})", R"({"id":1,"op":"ping","colour":1})"}) {
    EXPECT_THAT(client.ask(line), HasSubstr(R"("request_id":")")) << line;
  }
  EXPECT_THAT(client.ask(R"({"id":1,"op":"dance","request_id":"mine"})"), HasSubstr(R"("request_id":"mine")"));
  RawClient unknown(daemon.port());
  EXPECT_THAT(unknown.ask("GET /"), HasSubstr(R"("request_id":")"));
  RawClient late(daemon.port());
  late.send("{");
  EXPECT_THAT(late.read_line().value_or(""), HasSubstr(R"("request_id":")"));
  RawClient large(daemon.port());
  large.send("{" + std::string(5'000, ' '));
  EXPECT_THAT(large.read_line().value_or(""), HasSubstr(R"("request_id":")"));
}

TEST(Output, AReplyOverTheBoundIsSaidAndTheConnectionIsKept) {
  const DaemonProcess daemon(many_references() + "limits: {max_output_buffer: 64KiB}\n");
  RawClient client(daemon.port());
  const auto refused = client.ask(kPage);
  EXPECT_THAT(refused, HasSubstr(R"({"id":1,"ok":false)"));
  EXPECT_THAT(refused, HasSubstr("too_large"));
  EXPECT_THAT(refused, HasSubstr("limits.max_output_buffer"));
  EXPECT_THAT(client.ask(R"({"id":2,"op":"ping"})"), HasSubstr(R"("ok":true)"));
}

TEST(Output, AClientThatReadsGetsEveryReplyHoweverLarge) {
  const DaemonProcess daemon(many_references() + "limits: {max_output_buffer: 1MiB, write_timeout: 1h}\n");
  RawClient client(daemon.port());
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::string(kPage) + "\n";
  client.send(lines);
  // Answered by the same worker, once it has made what it can of the burst.
  RawClient other(daemon.port());
  EXPECT_THAT(other.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("ok":true)"));
  for (int i = 0; i < 100; ++i) {
    const auto line = client.read_line();
    ASSERT_TRUE(line) << i;
    ASSERT_THAT(*line, HasSubstr(R"("row":499)")) << i;
  }
  EXPECT_THAT(client.ask(R"({"id":2,"op":"ping"})"), HasSubstr(R"("ok":true)"));
}

TEST(Refused, AConnectionOverTheLimitIsToldAndClosedInOrder) {
  const DaemonProcess daemon(tiny_config("limits: {max_connections: 1}\n"));
  RawClient first(daemon.port());
  EXPECT_THAT(first.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("ok":true)"));
  // Its request has arrived before it is refused: unread input must not turn the close into a reset.
  daemon.signal(SIGSTOP);
  RawClient second(daemon.port());
  second.send("{\"id\":1,\"op\":\"ping\"}\n");
  daemon.signal(SIGCONT);
  const auto told = second.read_line().value_or("");
  EXPECT_THAT(told, HasSubstr(R"("code":"overloaded")"));
  EXPECT_THAT(told, HasSubstr("limits.max_connections"));
  EXPECT_THAT(told, HasSubstr(R"("retryable":true)"));
  EXPECT_THAT(told, HasSubstr(R"("request_id":")"));
  EXPECT_TRUE(second.closed());
  EXPECT_FALSE(second.was_reset());
  EXPECT_THAT(first.ask(R"({"id":1,"op":"stats"})"), HasSubstr(R"("connections_refused":1)"));
}

TEST(Refused, OneAddressMayHaveItsOwnLimit) {
  const DaemonProcess daemon(tiny_config("limits: {max_connections_per_address: 2}\n"));
  RawClient first(daemon.port());
  EXPECT_THAT(first.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("ok":true)"));
  std::string told;
  {
    RawClient second(daemon.port());
    EXPECT_THAT(second.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("ok":true)"));
    RawClient third(daemon.port());
    EXPECT_THAT(third.read_line().value_or(""), HasSubstr("limits.max_connections_per_address"));
    EXPECT_TRUE(third.closed());
  }
  // A place that was given back is free again.
  for (int i = 0; i < 500; ++i) {
    RawClient again(daemon.port());
    told = again.ask(R"({"id":1,"op":"ping"})");
    if (told.find(R"("ok":true)") != std::string::npos) break;
    ::usleep(5'000);
  }
  EXPECT_THAT(told, HasSubstr(R"("ok":true)"));
}

}  // namespace
}  // namespace semroute::test
