// faults.md 1-14 over TCP, and the replies of every verb, against the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <memory>
#include <set>

#include <boost/json.hpp>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
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
  EXPECT_EQ(stats.at("references").to_number<int>(), 3);
  EXPECT_EQ(stats.at("negatives").to_number<int>(), 1);
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

TEST_F(JsonLines, Fault01Malformed) {
  for (const char* line : {R"({"id":1,"op":"match",)",
                           "{",
                           "}",
                           R"({"id":1,})",
                           R"({"id":1 "op":"ping"})",
                           R"({"id":1,"op":"ping"}})",
                           R"({"id":1,"op":"ping"}{"id":2,"op":"ping"})",
                           R"({'id':1})",
                           R"({"id":01,"op":"ping"})",
                           R"({"id":+1})",
                           R"({"id":.5})",
                           R"({"op":"ping","id":tru})",
                           R"({id:1})",
                           "[1]",
                           "\"ping\"",
                           "7",
                           "null",
                           "ping",
                           R"({"id":1,"op":"match","embedding":[1,0,0,0})",
                           R"({"id":1,"op":"match","embedding":[1,,0,0]})",
                           R"({"id":1,"op":"match","embedding":[NaN,0,0,0]})",
                           R"({"id":1,"op":"match","embedding":[Infinity,0,0,0]})",
                           "{\"id\":1,\"op\":\"pi\tng\"}"}) {
    expect_kept(line, "bad_request");
  }
  expect_kept(std::string("{\"id\":1,\0\"op\":\"ping\"}", 19), "bad_request");
}
TEST_F(JsonLines, Fault02InvalidUtf8) {
  for (const char* bytes : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", R"(\ud800)", R"(\udc00)",
                            R"(\ud800\ud800)", R"(\ud800x)"}) {
    const std::string text = bytes;
    expect_kept("{\"id\":1,\"op\":\"ping\",\"request_id\":\"" + text + "\"}", "bad_request");
    expect_kept("{\"id\":\"" + text + "\",\"op\":\"ping\"}", "bad_request");
    expect_kept("{\"id\":1,\"op\":\"ping\",\"" + text + "\":1}", "bad_request");
    expect_kept("{\"id\":1,\"embedding\":[1,0,0,0],\"payload\":{\"a\":[\"" + text + "\"]}}", "bad_request");
  }
  expect_kept(R"({"id":1,"embedding":[1,0,0,0],"payload":"\ud83d\ude00 é"})", "ok");
}
TEST_F(JsonLines, Fault03Depth) {
  const auto nested = [](std::size_t levels) {
    return R"({"id":1,"embedding":[1,0,0,0],"payload":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  expect_kept(nested(31), "ok");  // 32 with the request itself
  expect_kept(nested(32), "bad_request", "32");
  expect_kept(nested(30'000), "bad_request", "32");
  std::string objects;
  for (int i = 0; i < 40; ++i) objects += "{\"a\":";
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"filter":)" + objects + "1" + std::string(40, '}') + "}",
              "bad_request");
}
TEST_F(JsonLines, Fault04LineOverTheLimit) {
  constexpr std::size_t kLimit = std::size_t{64} * 1024;
  const auto of_bytes = [](std::size_t bytes) {
    const std::string head = R"({"id":1,"embedding":[1,0,0,0],"payload":")";
    return head + std::string(bytes - head.size() - 2, 'x') + "\"}";
  };
  expect_kept(of_bytes(kLimit), "ok");
  for (const std::string& line : {of_bytes(kLimit + 1) + "\n", std::string("{") + std::string(kLimit, ' ')}) {
    RawClient client(daemon_->port());
    client.send(line);
    EXPECT_EQ(code_of(client.read_line().value_or("")), "too_large");
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.was_reset());
  }
}
TEST_F(JsonLines, Fault05NumbersBeyondFloat64AndIntegersBeyondFloat32) {
  const std::string integer = "340282366920938463463374607431768211456";  // 2^128
  for (const std::string& number :
       {std::string("1e400"), std::string("-1e400"), integer, "-" + integer, "1" + std::string(400, '0')}) {
    expect_kept(R"({"id":1,"op":"match","embedding":[0,)" + number + ",0,0]}", "bad_vector", "number 1");
    expect_kept(R"({"id":1,"op":"match","embeddings":[[1,0,0,0],[0,0,0,)" + number + "]]}", "bad_vector",
                "embeddings[1]: number 3");
  }
  for (const char* field : {"score_threshold", "top_k", "timeout_ms", "payload", "id", "filter", "colour"}) {
    expect_kept(R"({"op":"match","embedding":[1,0,0,0],")" + std::string(field) + "\":1e400}", "bad_request");
  }
  expect_kept(R"({"id":1,"embedding":[1,0,0,0],"payload":{"deep":[1e400]}})", "bad_request");
}
TEST_F(JsonLines, Fault06NumbersThatOverflowFloat32) {
  for (const char* number : {"1e39", "-1e39", "3.5e38", "340282366920938463463374607431768211456.0"}) {
    expect_kept(R"({"id":1,"op":"match","embedding":[0,0,)" + std::string(number) + ",0]}", "bad_vector", "number 2");
    expect_kept(R"({"id":1,"op":"match","embeddings":[[1,0,0,0],[0,0,)" + std::string(number) + ",0]]}", "bad_vector",
                "embeddings[1]: number 2");
  }
  expect_kept(R"({"id":1,"op":"match","embedding":[1e-400,1,0,0]})", "ok");  // as near to zero as float32 comes
}
TEST_F(JsonLines, Fault07DuplicateKey) {
  expect_kept(R"({"id":1,"op":"ping","op":"stats"})", "bad_request", "\\\"op\\\" appears twice");
  expect_kept(R"({"id":1,"op":"ping","\u006fp":"ping"})", "bad_request", "\\\"op\\\" appears twice");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"embedding":[1,0,0,0]})", "bad_request", "embedding");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"filter":{"routes":[],"routes":[]}})", "bad_request",
              "routes");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"filter":{"metadata":{"a":1,"a":2}}})", "bad_request", "a");
  expect_kept(R"({"id":1,"embedding":[1,0,0,0],"headers":{"a":"1","A":"2"}})", "bad_request", "twice");
}
TEST_F(JsonLines, Fault08UnknownFieldWrongTypeMissingEmbedding) {
  const auto match = [](const std::string& more) {
    return R"({"id":1,"op":"match","embedding":[1,0,0,0])" + more + "}";
  };
  for (const auto& [more, named] :
       std::vector<std::pair<std::string, std::string>>{{R"(,"colour":1)", "colour"},
                                                        {R"(,"top_k":"three")", "top_k"},
                                                        {R"(,"top_k":1.5)", "top_k"},
                                                        {R"(,"top_k":0)", "top_k"},
                                                        {R"(,"top_k":1001)", "top_k"},
                                                        {R"(,"timeout_ms":0)", "timeout_ms"},
                                                        {R"(,"timeout_ms":null)", "timeout_ms"},
                                                        {R"(,"explain":1)", "explain"},
                                                        {R"(,"model":7)", "model"},
                                                        {R"(,"score_threshold":"high")", "score_threshold"},
                                                        {R"(,"filter":[])", "filter"},
                                                        {R"(,"filter":{"routes":"a"})", "filter.routes"},
                                                        {R"(,"filter":{"routes":[1]})", "filter.routes"},
                                                        {R"(,"filter":{"metadata":[]})", "filter.metadata"},
                                                        {R"(,"filter":{"metadata":{"a":{}}})", "filter.metadata.a"},
                                                        {R"(,"filter":{"colour":1})", "colour"},
                                                        {R"(,"headers":[])", "headers"},
                                                        {R"(,"headers":{"a":1})", "headers"},
                                                        {R"(,"headers":{"a b":"1"})", "headers"},
                                                        {R"(,"headers":{"a":"\u0000"})", "without control characters"},
                                                        {R"(,"request_id":1)", "request_id"},
                                                        {R"(,"request_id":"a b")", "request_id"},
                                                        {R"(,"request_id":"")", "request_id"},
                                                        {R"(,"name":"a")", "name"},
                                                        {R"(,"request":1)", "request"},
                                                        {R"(,"stream":true)", "stream is for route only"},
                                                        {R"(,"stream":1)", "stream: expected true or false, found 1"},
                                                        {R"(,"key":"")", "key: expected a string of 1 to 256 bytes"},
                                                        {R"(,"key":7)", "key: expected a string of 1 to 256 bytes"}}) {
    expect_kept(match(more), "bad_request", named);
  }
  expect_kept(R"({"id":1,"op":"match"})", "bad_request", "embedding is missing");
  expect_kept(R"({"id":1})", "bad_request", "embedding is missing");
  expect_kept(R"({"id":1,"op":7})", "bad_request", "op");
  expect_kept(R"({"id":{},"op":"ping"})", "bad_request", "id");
  expect_kept(R"({"id":")" + std::string(129, 'x') + R"(","op":"ping"})", "bad_request", "id");
  for (const char* embedding : {"7", "null", "{}", "true", R"(["a"])", "[[1]]", "[null]"}) {
    expect_kept(R"({"id":1,"op":"match","embedding":)" + std::string(embedding) + "}", "bad_request", "embedding");
  }
  expect_kept(R"({"id":1,"op":"match","embeddings":[]})", "bad_request", "embeddings");
  expect_kept(R"({"id":1,"op":"match","embeddings":{}})", "bad_request", "embeddings");
  expect_kept(R"({"id":1,"op":"match","embedding":[1,0,0,0],"embeddings":[[1,0,0,0]]})", "bad_request", "embeddings");
  expect_kept(R"({"id":1,"op":"route","embeddings":[[1,0,0,0]]})", "bad_request", "embeddings");
  expect_kept(R"({"id":1,"op":"ping","embedding":[1,0,0,0]})", "bad_request", "embedding");
  expect_kept(R"({"id":1,"op":"routes.get"})", "bad_request", "name");
  expect_kept(R"({"id":1,"op":"routes.get","name":"billing","limit":0})", "bad_request", "limit");
  expect_kept(R"({"id":1,"op":"routes.get","name":"billing","offset":-1})", "bad_request", "offset");
  expect_kept(R"({"id":1,"op":"cancel"})", "bad_request", "request");
}
TEST_F(JsonLines, Fault09BlankLineCrlfAndByteOrderMark) {
  for (const char* blank : {"", " ", "\t \t", "\r", " \r"}) expect_kept(blank, "bad_request", "blank");
  RawClient first(daemon_->port());
  EXPECT_EQ(code_of(first.ask("")), "bad_request") << "as the first line, too";
  EXPECT_EQ(code_of(first.ask("{\"id\":1,\"op\":\"ping\"}\r")), "ok");
  EXPECT_EQ(code_of(first.ask(" \t{ \"id\" : 1 , \"op\" : \"ping\" } \r")), "ok");
  RawClient mark(daemon_->port());
  mark.send("\xEF\xBB\xBF{\"id\":1,\"op\":\"ping\"}\n");
  EXPECT_EQ(code_of(mark.read_line().value_or("")), "bad_request");
  EXPECT_TRUE(mark.closed());
  EXPECT_FALSE(mark.was_reset());
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
TEST_F(JsonLines, ALongNameIsCutInTheMessage) {
  RawClient client(daemon_->port());
  const std::string name(20'000, 'x');
  for (const std::string& line : {R"({"id":1,"op":"routes.get","name":")" + name + "\"}",
                                  R"({"id":1,"op":"match","embedding":[1,0,0,0],"model":")" + name + "\"}"}) {
    const auto reply = client.ask(line);
    EXPECT_THAT(reply, HasSubstr(name.substr(0, 64) + "...\\\""));
    EXPECT_LT(reply.size(), 400U) << reply.substr(0, 400);
  }
}

TEST_F(JsonLines, UnknownFirstByteIsRefusedAndClosed) {
  RawClient client(daemon_->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(code_of(client.read_line().value_or("")), "bad_request");
  EXPECT_TRUE(client.closed());
}
TEST_F(JsonLines, LaterVerbsAreRefusedByName) {
  expect_kept(R"({"id":1,"op":"hello"})", "bad_request", "not in this version");
  expect_kept(R"({"id":1,"op":"dance"})", "bad_request", "dance");
}

TEST(JsonLinesTimeouts, Fault10HalfALine) {
  const DaemonProcess daemon(tiny_config("limits: {request_timeout: 300ms}\n"));
  RawClient client(daemon.port());
  client.send(R"({"id":1,)");
  EXPECT_EQ(code_of(client.read_line().value_or("")), "timeout");
  EXPECT_TRUE(client.closed());
}
// The clock runs from the first byte, whatever drips in after it.
TEST(JsonLinesTimeouts, Fault10ALineThatDrips) {
  const DaemonProcess daemon(tiny_config("limits: {request_timeout: 300ms}\n"));
  RawClient client(daemon.port());
  client.send("{");
  std::optional<std::string> line;
  for (int i = 0; i < 2'000 && !line; ++i) {
    if (!client.try_send(" ")) break;
    line = client.read_line(0);
    ::usleep(10'000);
  }
  if (!line) line = client.read_line();
  EXPECT_EQ(code_of(line.value_or("")), "timeout");
  EXPECT_TRUE(client.closed());
}
TEST(JsonLinesTimeouts, IdleConnectionsAreClosed) {
  const DaemonProcess daemon(tiny_config("limits: {idle_timeout: 500ms}\n"));
  // One that is asked before it is closed, however slow this machine is.
  std::unique_ptr<RawClient> client;
  EXPECT_TRUE(eventually([&] {
    client = std::make_unique<RawClient>(daemon.port());
    return client->try_send("{\"id\":1,\"op\":\"ping\"}\n") &&
           client->read_line().value_or("").find(R"("ok":true)") != std::string::npos;
  }));
  EXPECT_TRUE(client->closed());
}
// It is closed for what would have to be kept, long before it is for the time.
TEST(JsonLinesBounds, Fault13AClientThatNeverReads) {
  const DaemonProcess daemon(tiny_config("limits: {max_output_buffer: 64KiB, write_timeout: 8s}\n"));
  RawClient client(daemon.port());
  std::string lines;
  for (int i = 0; i < 500; ++i)
    lines += R"({"id":1,"op":"match","embedding":[1,0,0,0],"top_k":10,"explain":true})"
             "\n";
  bool lost = false;
  for (int i = 0; i < 2'000 && !lost; ++i) lost = !client.try_send(lines);
  EXPECT_TRUE(lost) << "the daemon went on buffering";
  RawClient other(daemon.port());
  std::string stats;
  EXPECT_TRUE(eventually([&] {
    stats = other.ask(R"({"id":1,"op":"stats"})");
    return stats.find("\"output_overflow\":1,") != std::string::npos;
  })) << stats;
  EXPECT_TRUE(client.closed());
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
}  // namespace
}  // namespace semroute::test
