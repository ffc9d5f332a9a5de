// Targets of the kinds tcp and unix through the real daemon, with socat on the other side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/support/daemon_process.h"
#include "tests/support/fault_server.h"
#include "tests/support/raw_client.h"
#include "tests/support/socat.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
namespace json = boost::json;

std::string config_for(const std::string& target) {
  return R"(workers: 1
index: {dimension: 2}
decision: {aggregation: max, score_threshold: 0.5}
targets:
  - {name: peer, )" +
         target + R"(}
routes:
  - {name: there, target: peer, references: {vectors: [[1, 0]]}}
)";
}

json::value ask(const DaemonProcess& daemon, const std::string& members) {
  RawClient client(daemon.port());
  return json::parse(client.ask(R"({"id":1,"embedding":[1,0],)" + members + "}"));
}

// Echoes through the frames of either kind: what went out comes back.
void expect_echo(const std::string& target) {
  const DaemonProcess daemon(config_for(target));
  RawClient client(daemon.port());
  for (int i = 0; i < 3; ++i) {
    const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0],"payload":{"a" : [1e2, "é"]}})"));
    ASSERT_TRUE(reply.at("ok").as_bool()) << json::serialize(reply);
    EXPECT_EQ(reply.at("reply"),
              json::parse(R"({"status":200,"content_type":"application/json","body":{"a":[1e2,"é"]}})"));
  }
}

TEST(StreamTargets, SpeakLinesWithSocatOverTcp) {
  const Socat echo("TCP4-LISTEN:0,bind=127.0.0.1,fork", "PIPE");
  expect_echo("kind: tcp, address: \"127.0.0.1:" + std::to_string(echo.port()) + "\"");
  EXPECT_EQ(echo.connections(), 1) << "kept";
}

TEST(StreamTargets, SpeakLengthsWithSocatOverAUnixSocket) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/socket";
  const Socat echo("UNIX-LISTEN:" + path + ",fork", "PIPE");
  expect_echo("kind: unix, framing: u32, address: \"" + path + "\"");
  EXPECT_EQ(echo.connections(), 1) << "kept";
}

TEST(StreamTargets, Fault63AReplyThatDoesNotComeInTimeIsUpstreamTimeout) {
  // Takes everything and says nothing.
  const Socat silent("TCP4-LISTEN:0,bind=127.0.0.1,fork", "OPEN:/dev/null,wronly", true);
  const DaemonProcess daemon(config_for("kind: tcp, address: \"127.0.0.1:" + std::to_string(silent.port()) + "\""));
  json::value reply;
  for (int timeout_ms = 200; timeout_ms < 60'000; timeout_ms *= 2) {
    reply = ask(daemon, "\"timeout_ms\":" + std::to_string(timeout_ms));
    if (reply.at("error").at("sent").as_bool()) break;
  }
  EXPECT_EQ(reply.at("error").at("code"), "upstream_timeout");
  EXPECT_FALSE(reply.at("error").at("retryable").as_bool());
}

TEST(StreamTargets, Fault64AResetIsAnUpstreamError) {
  FaultServer server([](FaultServer::Connection& connection) {
    connection.read_line();
    connection.reset_on_close();
  });
  const DaemonProcess daemon(config_for("kind: tcp, address: \"127.0.0.1:" + std::to_string(server.port()) + "\""));
  const auto reply = ask(daemon, R"("payload":1)");
  EXPECT_EQ(reply.at("error").at("code"), "upstream_error");
  EXPECT_TRUE(reply.at("error").at("sent").as_bool());
}

TEST(StreamTargets, Fault66AReplyOverItsLimitIsAnUpstreamErrorAndTheConnectionIsDropped) {
  FaultServer server([](FaultServer::Connection& connection) {
    connection.read_line();
    connection.send(std::string(5000, 'x'));
    connection.wait_closed();
  });
  const DaemonProcess daemon(
      config_for("kind: tcp, limits: {max_reply: 4KiB}, address: \"127.0.0.1:" + std::to_string(server.port()) + "\""));
  const auto reply = ask(daemon, R"("payload":1)");
  EXPECT_EQ(reply.at("error").at("code"), "upstream_error");
  EXPECT_THAT(std::string(reply.at("error").at("message").as_string()), HasSubstr("limits.max_reply"));
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
}

TEST(StreamTargets, Fault67AReplyThatDripsEndsAtTheDeadline) {
  FaultServer server([](FaultServer::Connection& connection) {
    connection.read_line();
    while (connection.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  const DaemonProcess daemon(config_for("kind: tcp, address: \"127.0.0.1:" + std::to_string(server.port()) + "\""));
  json::value reply;
  for (int timeout_ms = 200; timeout_ms < 60'000; timeout_ms *= 2) {
    reply = ask(daemon, "\"timeout_ms\":" + std::to_string(timeout_ms));
    if (reply.at("error").at("sent").as_bool()) break;
  }
  EXPECT_EQ(reply.at("error").at("code"), "upstream_timeout");
}

}  // namespace
}  // namespace semroute::test
