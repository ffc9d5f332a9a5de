// faults.md 1-14 over TCP, and the replies of every verb, against the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include <boost/json.hpp>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
namespace json = boost::json;

std::string code_of(const std::string& line) {
  const auto reply = json::parse(line).as_object();
  return reply.at("ok").as_bool() ? "ok" : std::string(reply.at("error").as_object().at("code").as_string());
}

class JsonLines : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { daemon_ = new DaemonProcess(tiny_config("limits: {max_request: 64KiB}\n")); }
  static void TearDownTestSuite() {
    delete daemon_;
    daemon_ = nullptr;
  }
  // The line gets `code`, and the connection goes on.
  static void expect_kept(const std::string& line, const std::string& code, const std::string& names = {}) {
    RawClient client(daemon_->port());
    client.send("{\"id\":0,\"op\":\"ping\"}\n");
    ASSERT_TRUE(client.read_line());
    const auto reply = client.ask(line);
    EXPECT_EQ(code_of(reply), code) << line << "\n" << reply;
    EXPECT_THAT(reply, HasSubstr(names));
    EXPECT_EQ(code_of(client.ask(R"({"id":2,"op":"ping"})")), "ok") << "the connection was not kept after " << line;
  }
  static DaemonProcess* daemon_;
};
DaemonProcess* JsonLines::daemon_ = nullptr;

TEST_F(JsonLines, MatchServesTheNearestRoute) {
  RawClient client(daemon_->port());
  const auto reply = json::parse(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0],"top_k":3})")).as_object();
  EXPECT_EQ(reply.at("decision"), "matched");
  EXPECT_EQ(reply.at("reason"), "passed");
  EXPECT_EQ(reply.at("route"), "billing");
  EXPECT_EQ(reply.at("target"), "canned");
  EXPECT_NEAR(reply.at("score").to_number<double>(), 1.0, 1e-6);
  EXPECT_EQ(reply.at("metadata").as_object().at("tier"), "gold");
  EXPECT_EQ(reply.at("revision").to_number<int>(), 1);
  ASSERT_EQ(reply.at("matches").as_array().size(), 2U);
  EXPECT_EQ(reply.at("matches").at(1).at("route"), "support");
  EXPECT_FALSE(reply.at("matches").at(1).at("passed").as_bool());
}

TEST_F(JsonLines, RouteBringsBackTheTargetsReply) {
  RawClient client(daemon_->port());
  const auto reply = json::parse(client.ask(R"({"id":"a","embedding":[1,0,0,0],"payload":{"text":"hi"}})")).as_object();
  EXPECT_EQ(reply.at("id"), "a");
  EXPECT_TRUE(reply.at("dispatched").as_bool());
  EXPECT_EQ(reply.at("reply").as_object().at("body").as_object().at("answer").to_number<int>(), 42);
  const auto without = json::parse(client.ask(R"({"id":2,"op":"route","embedding":[0,1,0,0]})")).as_object();
  EXPECT_EQ(without.at("route"), "support");
  EXPECT_FALSE(without.at("dispatched").as_bool());
}

TEST_F(JsonLines, BatchAnswersInOrder) {
  RawClient client(daemon_->port());
  const auto reply =
      json::parse(client.ask(R"({"id":1,"op":"match","embeddings":[[0,1,0,0],[1,0,0,0],[0,0,0,1]]})")).as_object();
  const auto& results = reply.at("results").as_array();
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].at("route"), "support");
  EXPECT_EQ(results[1].at("route"), "billing");
  EXPECT_EQ(results[2].at("decision"), "no_match");
  EXPECT_EQ(results[2].at("reason"), "below_threshold");
}

TEST_F(JsonLines, FilterThresholdModelAndExplain) {
  RawClient client(daemon_->port());
  const auto ask = [&](const std::string& more) {
    return json::parse(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0])" + more + "}")).as_object();
  };
  EXPECT_EQ(ask(R"(,"filter":{"routes":["support"]})").at("reason"), "below_threshold");
  EXPECT_EQ(ask(R"(,"filter":{"routes":["nobody"]})").at("reason"), "filtered");
  EXPECT_EQ(ask(R"(,"filter":{"metadata":{"tier":["gold","silver"]}})").at("route"), "billing");
  EXPECT_EQ(ask(R"(,"score_threshold":-1,"filter":{"routes":["support"]})").at("route"), "support");
  EXPECT_EQ(ask(R"(,"model":"other")").at("error").at("code"), "model_mismatch");
  EXPECT_EQ(ask(R"(,"model":"tiny")").at("route"), "billing");
  const auto explained = ask(R"(,"explain":true)").at("explain").as_object();
  EXPECT_EQ(explained.at("candidates").at(0).at("outcome"), "served");
  EXPECT_FALSE(explained.at("references").as_array().empty());
  EXPECT_TRUE(explained.at("took_us").as_object().contains("search"));
}

TEST_F(JsonLines, ANegativeVetoes) {
  RawClient client(daemon_->port());
  const auto reply = json::parse(client.ask(R"({"id":1,"op":"match","embedding":[0.6,0,0.8,0]})")).as_object();
  EXPECT_EQ(reply.at("decision"), "no_match");
  EXPECT_EQ(reply.at("reason"), "negative");
  EXPECT_FALSE(reply.contains("route"));
}

TEST_F(JsonLines, PingStatsAndRoutes) {
  RawClient client(daemon_->port());
  const auto ping = json::parse(client.ask(R"({"id":1,"op":"ping","request_id":"me.1"})")).as_object();
  EXPECT_EQ(ping.at("dimension").to_number<int>(), 4);
  EXPECT_EQ(ping.at("metric"), "cosine");
  EXPECT_EQ(ping.at("model"), "tiny");
  EXPECT_EQ(ping.at("request_id"), "me.1");
  EXPECT_EQ(ping.at("max_request").to_number<int>(), 64 * 1024);
  const auto stats = json::parse(client.ask(R"({"id":1,"op":"stats"})")).as_object();
  EXPECT_EQ(stats.at("references").to_number<int>(), 4);
  EXPECT_GE(stats.at("connections").to_number<int>(), 1);
  const auto list = json::parse(client.ask(R"({"id":1,"op":"routes.list"})")).as_object();
  ASSERT_EQ(list.at("routes").as_array().size(), 2U);
  EXPECT_EQ(list.at("routes").at(0).at("name"), "billing");
  const auto get =
      json::parse(client.ask(R"({"id":1,"op":"routes.get","name":"billing","vectors":true,"offset":1,"limit":1})"));
  ASSERT_EQ(get.at("route").at("references").as_array().size(), 1U);
  EXPECT_EQ(get.at("route").at("references").at(0).at("row").to_number<int>(), 1);
  EXPECT_EQ(get.at("route").at("references").at(0).at("embedding").as_array().size(), 4U);
  EXPECT_EQ(code_of(client.ask(R"({"id":1,"op":"routes.get","name":"nobody"})")), "not_found");
  EXPECT_EQ(code_of(client.ask(R"({"id":1,"op":"cancel","request":77})")), "not_found");
}

TEST_F(JsonLines, Fault01Malformed) { expect_kept(R"({"id":1,"op":"match",)", "bad_request"); }
TEST_F(JsonLines, Fault02InvalidUtf8) {
  expect_kept("{\"id\":1,\"op\":\"ping\",\"request_id\":\"\xff\"}", "bad_request");
  expect_kept(R"({"id":"\ud800","op":"ping"})", "bad_request");
}
TEST_F(JsonLines, Fault03Depth) {
  expect_kept(R"({"id":1,"embedding":[1,0,0,0],"payload":)" + std::string(40, '[') + std::string(40, ']') + "}",
              "bad_request");
}
TEST_F(JsonLines, Fault04LineOverTheLimit) {
  RawClient client(daemon_->port());
  client.send("{\"id\":1,\"payload\":\"" + std::string(70'000, 'x'));
  EXPECT_EQ(code_of(client.read_line().value_or("")), "too_large");
  EXPECT_TRUE(client.closed());
}
TEST_F(JsonLines, Fault05And06NumbersBeyondFloat) {
  expect_kept(R"({"id":1,"op":"match","embedding":[1e400,0,0,0]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embedding":[1e39,0,0,0]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"score_threshold":1e400})", "bad_request");
}
TEST_F(JsonLines, Fault07DuplicateKey) { expect_kept(R"({"id":1,"op":"ping","op":"stats"})", "bad_request", "op"); }
TEST_F(JsonLines, Fault08UnknownFieldWrongTypeMissingEmbedding) {
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"colour":1})", "bad_request", "colour");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"top_k":"three"})", "bad_request", "top_k");
  expect_kept(R"({"id":1,"op":"match"})", "bad_request", "embedding");
}
TEST_F(JsonLines, Fault09BlankLineCrlfAndByteOrderMark) {
  expect_kept("", "bad_request");
  RawClient crlf(daemon_->port());
  EXPECT_EQ(code_of(crlf.ask("{\"id\":1,\"op\":\"ping\"}\r")), "ok");
  RawClient mark(daemon_->port());
  mark.send("\xEF\xBB\xBF{\"id\":1,\"op\":\"ping\"}\n");
  EXPECT_EQ(code_of(mark.read_line().value_or("")), "bad_request");
  EXPECT_TRUE(mark.closed());
}
TEST_F(JsonLines, Fault11TenThousandPipelined) {
  RawClient client(daemon_->port());
  std::string lines;
  for (int i = 0; i < 10'000; ++i) {
    lines += "{\"id\":" + std::to_string(i) + R"(,"op":"match","embedding":[1,0,0,0]})" + "\n";
  }
  client.send(lines);
  for (int i = 0; i < 10'000; ++i) {
    const auto line = client.read_line();
    ASSERT_TRUE(line) << i;
    ASSERT_THAT(*line, HasSubstr("{\"id\":" + std::to_string(i) + ",")) << i;
  }
}
TEST_F(JsonLines, Fault14HalfClose) {
  RawClient client(daemon_->port());
  client.send(R"({"id":1,"op":"match","embedding":[1,0,0,0]})"
              "\n"
              R"({"id":2,"embedding":[1,0,0,0]})"
              "\n");
  client.shutdown_send();
  const auto all = client.read_all();
  EXPECT_THAT(all, HasSubstr("\"id\":1"));
  EXPECT_THAT(all, HasSubstr("\"id\":2"));
  EXPECT_TRUE(client.closed());
}
TEST_F(JsonLines, Fault39To42VectorsThatCannotBeUsed) {
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0]})", "dimension_mismatch", "3 numbers");
  expect_kept(R"({"id":1,"op":"match","embedding":[]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embedding":"AADAfwAAAAAAAAAAAAAAAA=="})", "bad_vector");  // NaN bits
  expect_kept(R"({"id":1,"op":"match","embedding":[NaN,0,0,0]})", "bad_request");
  expect_kept(R"({"id":1,"op":"match","embedding":[0,0,0,0]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embedding":[2e18,0,0,0]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embedding":[1e-13,0,0,0]})", "bad_vector");
  expect_kept(R"({"id":1,"op":"match","embeddings":[[1,0,0,0],[1,0,0,0],[0,0,0,0]]})", "bad_vector", "embeddings[2]");
}
TEST_F(JsonLines, UnknownFirstByteIsRefusedAndClosed) {
  RawClient client(daemon_->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(code_of(client.read_line().value_or("")), "bad_request");
  EXPECT_TRUE(client.closed());
}
TEST_F(JsonLines, LaterVerbsAreRefusedByName) {
  expect_kept(R"({"id":1,"op":"hello"})", "bad_request", "not in this version");
  expect_kept(R"({"id":1,"op":"routes.put","route":{"name":"x"}})", "bad_request", "not in this version");
  expect_kept(R"({"id":1,"op":"dance"})", "bad_request", "dance");
}

TEST(JsonLinesTimeouts, Fault10HalfALine) {
  const DaemonProcess daemon(tiny_config("limits: {request_timeout: 300ms}\n"));
  RawClient client(daemon.port());
  client.send(R"({"id":1,)");
  EXPECT_EQ(code_of(client.read_line().value_or("")), "timeout");
  EXPECT_TRUE(client.closed());
}
TEST(JsonLinesTimeouts, IdleConnectionsAreClosed) {
  const DaemonProcess daemon(tiny_config("limits: {idle_timeout: 2s}\n"));
  RawClient client(daemon.port());
  EXPECT_EQ(code_of(client.ask(R"({"id":1,"op":"ping"})")), "ok");
  EXPECT_TRUE(client.closed());
}
TEST(JsonLinesBounds, Fault13AClientThatNeverReads) {
  const DaemonProcess daemon(tiny_config("limits: {max_output_buffer: 64KiB}\n"));
  RawClient client(daemon.port());
  std::string lines;
  for (int i = 0; i < 500; ++i)
    lines += R"({"id":1,"op":"match","embedding":[1,0,0,0],"top_k":10,"explain":true})"
             "\n";
  bool lost = false;
  for (int i = 0; i < 2'000 && !lost; ++i) lost = !client.try_send(lines);
  EXPECT_TRUE(lost) << "the daemon went on buffering";
  RawClient other(daemon.port());
  EXPECT_THAT(other.ask(R"({"id":1,"op":"stats"})"), HasSubstr("\"output_overflow\":1"));
}
TEST(JsonLinesBounds, ConnectionsOverTheLimitAreToldAndClosed) {
  const DaemonProcess daemon(tiny_config("limits: {max_connections: 1}\n"));
  RawClient first(daemon.port());
  EXPECT_EQ(code_of(first.ask(R"({"id":1,"op":"ping"})")), "ok");
  RawClient second(daemon.port());
  EXPECT_EQ(code_of(second.read_line().value_or("")), "overloaded");
  EXPECT_TRUE(second.closed());
}
TEST(JsonLinesBounds, BatchOverTheLimit) {
  const DaemonProcess daemon(tiny_config("limits: {max_batch: 2}\n"));
  RawClient client(daemon.port());
  EXPECT_EQ(code_of(client.ask(R"({"id":1,"op":"match","embeddings":[[1,0,0,0],[1,0,0,0],[1,0,0,0]]})")), "too_large");
}
TEST(JsonLinesBounds, Fault43NoReferencesAtAll) {
  const DaemonProcess daemon(R"(index: {dimension: 4}
decision: {default_route: general}
targets: [{name: canned, kind: static, reply: fine}]
routes: [{name: general, target: canned}]
)");
  RawClient client(daemon.port());
  const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0,0,0]})")).as_object();
  EXPECT_EQ(reply.at("decision"), "default");
  EXPECT_EQ(reply.at("reason"), "empty");
  EXPECT_EQ(reply.at("reply").as_object().at("body"), "fine");
}

}  // namespace
}  // namespace semroute::test
