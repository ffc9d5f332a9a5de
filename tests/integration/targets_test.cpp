// What an http target sees of a request and what a client sees of its reply, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/fault_server.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace json = boost::json;

std::string reply_of(const std::string& body, const std::string& type = "application/json",
                     const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

FaultServer::Script always(const std::string& reply) {
  return [reply](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send(reply)) {
    }
  };
}

// Holds scripts back until it is opened.
class Gate {
 public:
  ~Gate() { open(); }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Along x a route to the server, along y one without a target. One worker, so that connections are shared.
std::string config_for(std::uint16_t port, const std::string& more = {}) {
  return R"(workers: 1
index: {dimension: 2}
decision: {aggregation: max, score_threshold: 0.5}
dispatch: {request_headers: [X-Tenant, accept-language]}
targets:
  - name: api
    kind: http
    url: "http://127.0.0.1:)" +
         std::to_string(port) + R"(/in?x=1"
    timeout: 60s
    headers: {X-Team: billing}
routes:
  - {name: "grüße 100%", target: api, references: {vectors: [[1, 0]]}}
  - {name: still, references: {vectors: [[0, 1]]}}
)" + more;
}

TEST(Targets, SeeThePayloadAndTheFactsOfTheDecision) {
  FaultServer server(always(reply_of("{}")));
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  const std::string payload = R"({"text":  "hé \ud83d\ude00", "n": 1e2, "n2": [ ]})";
  const auto reply = client.ask(R"({"id":1,"request_id":"mine:1","embedding":[3,0],"payload":)" + payload +
                                R"(,"headers":{"X-TENANT":"acme","Accept-Language":"de","x-secret":"no","cookie":"no",)"
                                R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})");
  ASSERT_THAT(reply, HasSubstr(R"("dispatched":true)"));
  ASSERT_EQ(server.requests().size(), 1U);
  const std::string seen = server.requests()[0];
  EXPECT_THAT(seen, ::testing::StartsWith("POST /in?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(seen, ::testing::EndsWith("\r\n\r\n" + payload)) << "byte for byte";
  for (const char* header : {"Content-Type: application/json", "X-Semroute-Route: gr%C3%BC%C3%9Fe%20100%25",
                             "X-Semroute-Score: 1", "X-Semroute-Decision: matched", "X-Semroute-Revision: 1",
                             "X-Request-Id: mine:1", "X-Team: billing", "x-tenant: acme", "accept-language: de",
                             "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_THAT(seen, HasSubstr("\r\n" + std::string(header) + "\r\n"));
  }
  EXPECT_THAT(seen, Not(HasSubstr("x-secret"))) << "not on the list";
  EXPECT_THAT(seen, Not(HasSubstr("cookie")));

  // Without a payload: null; without a request id: the one of the reply.
  const auto without = json::parse(client.ask(R"({"id":2,"embedding":[3,0]})"));
  EXPECT_THAT(server.requests()[1], ::testing::EndsWith("\r\n\r\nnull"));
  EXPECT_THAT(server.requests()[1],
              HasSubstr("X-Request-Id: " + std::string(without.at("request_id").as_string()) + "\r\n"));
  EXPECT_EQ(server.connections(), 1U) << "kept alive";
}

TEST(Targets, RepliesComeBackAsJsonTextOrBase64WhateverTheirStatus) {
  struct Case {
    std::string reply;
    std::string expected;
  };
  for (const Case& c :
       {Case{reply_of("{\"a\":\n [1,  2]}"), R"({"status":200,"content_type":"application/json","body":{"a":[1,2]}})"},
        Case{reply_of("[1,  2]", "application/problem+json; charset=utf-8", "404 Not Found"),
             R"({"status":404,"content_type":"application/problem+json; charset=utf-8","body":[1,2]})"},
        Case{reply_of("{broken"), R"({"status":200,"content_type":"application/json","text":"{broken"})"},
        Case{reply_of("h\xC3\xA9\n", "text/plain"), R"({"status":200,"content_type":"text/plain","text":"h\u00e9\n"})"},
        Case{reply_of("\xFF\xFE", "image/png", "503 No"),
             R"({"status":503,"content_type":"image/png","base64":"//4="})"},
        Case{reply_of("", "text/plain"), R"({"status":200,"content_type":"text/plain","text":""})"},
        Case{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
             R"({"status":302,"content_type":"","text":""})"}}) {
    FaultServer server(always(c.reply));
    const DaemonProcess daemon(config_for(server.port()));
    RawClient client(daemon.port());
    const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0]})")).as_object();
    EXPECT_TRUE(reply.at("ok").as_bool()) << c.reply;
    EXPECT_TRUE(reply.at("dispatched").as_bool());
    EXPECT_EQ(reply.at("reply"), json::parse(c.expected)) << json::serialize(reply);
  }
}

TEST(Targets, AHeaderThatCannotBeSentRefusesTheRequestForGood) {
  FaultServer server(always(reply_of("{}")));
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  for (const char* value : {R"(h\u00e9)", R"(a\r\nX-Evil: 1)", " a"}) {
    const auto error =
        json::parse(client.ask(R"({"id":1,"embedding":[1,0],"headers":{"x-tenant":")" + std::string(value) + R"("}})"))
            .at("error");
    EXPECT_EQ(error.at("code"), "bad_request") << value;
    EXPECT_THAT(std::string(error.at("message").as_string()), HasSubstr("x-tenant")) << value;
    EXPECT_FALSE(error.at("retryable").as_bool()) << "it would be refused again";
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Targets, Fault62NobodyThereIsUnavailableAndRetryable) {
  const BoundSocket nobody;
  const DaemonProcess daemon(config_for(nobody.port()));
  RawClient client(daemon.port());
  const auto error = json::parse(client.ask(R"({"id":1,"embedding":[1,0]})")).at("error");
  EXPECT_EQ(error.at("code"), "upstream_unavailable");
  EXPECT_FALSE(error.at("sent").as_bool());
  EXPECT_TRUE(error.at("retryable").as_bool());
}

TEST(Targets, ADeadlineBeforeSendingIsTimeoutAndAfterItUpstreamTimeout) {
  // Connections beyond a full backlog stay without an answer, so nothing is sent.
  const BoundSocket stalled;
  ASSERT_EQ(::listen(stalled.fd(), 0), 0);
  const RawClient filler(stalled.port());
  const DaemonProcess before(config_for(stalled.port(), "drain: {timeout: 0s}\n"));
  RawClient client(before.port());
  const auto timeout = json::parse(client.ask(R"({"id":1,"embedding":[1,0],"timeout_ms":100})")).at("error");
  EXPECT_EQ(timeout.at("code"), "timeout");
  EXPECT_FALSE(timeout.at("sent").as_bool());
  EXPECT_TRUE(timeout.at("retryable").as_bool());

  FaultServer silent([](FaultServer::Connection& connection) { connection.wait_closed(); });
  const DaemonProcess after(config_for(silent.port()));
  RawClient other(after.port());
  // Doubled until this machine gets as far as sending within it.
  std::string reply;
  for (int timeout_ms = 200; timeout_ms < 60'000; timeout_ms *= 2) {
    reply = other.ask(R"({"id":1,"embedding":[1,0],"timeout_ms":)" + std::to_string(timeout_ms) + "}");
    if (reply.find(R"("sent":true)") != std::string::npos) break;
  }
  EXPECT_THAT(reply, HasSubstr(R"("code":"upstream_timeout")"));
  EXPECT_THAT(reply, HasSubstr(R"("sent":true)"));
  EXPECT_THAT(reply, HasSubstr(R"("retryable":false)"));
  EXPECT_THAT(reply, HasSubstr(R"("route":")"));
  EXPECT_TRUE(silent.wait_for_closed_by_client(1)) << "a reply that comes too late must not answer the next request";
}

TEST(Targets, KeepTheirConnectionsThroughAReloadThatDoesNotChangeThem) {
  FaultServer server(always(reply_of("{}")));
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  const auto ask = [&] { return client.ask(R"({"id":1,"embedding":[1,0]})"); };
  EXPECT_THAT(ask(), HasSubstr(R"("revision":1,)"));
  daemon.rewrite(config_for(server.port(), "limits: {max_batch: 7}\n"));
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":2)"));
  EXPECT_THAT(ask(), HasSubstr(R"("revision":2,)"));
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_THAT(client.ask(R"({"id":1,"op":"stats"})"), HasSubstr(R"("api":{"ok":2,)")) << "counters go on";
  std::string changed = config_for(server.port());
  changed.replace(changed.find("timeout: 60s"), 12, "timeout: 59s");
  daemon.rewrite(changed);
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":3)"));
  EXPECT_THAT(ask(), HasSubstr(R"("revision":3,)"));
  EXPECT_EQ(server.connections(), 2U) << "another target of the same name";
  EXPECT_THAT(client.ask(R"({"id":1,"op":"stats"})"), HasSubstr(R"("api":{"ok":3,)"));
}

TEST(Targets, RepliesComeAsTheyFinishWithTheirIds) {
  Gate gate;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      gate.pass();
      connection.send(reply_of("{}"));
    }
  });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send("{\"id\":\"slow\",\"embedding\":[1,0]}\n{\"id\":\"fast\",\"embedding\":[0,1]}\n");
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr(R"({"id":"fast","ok":true)"));
  gate.open();
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr(R"({"id":"slow","ok":true)"));
}

TEST(Targets, Fault14AHalfClosedClientStillGetsTheRepliesOfItsDispatches) {
  Gate gate;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      gate.pass();
      connection.send(reply_of("{\"late\":1}"));
    }
  });
  const DaemonProcess daemon(config_for(server.port(), "limits: {max_in_flight: 2}\n"));
  RawClient client(daemon.port());
  // More than may be in flight, so that some are still unread when the end is seen.
  for (int id = 1; id <= 5; ++id) client.send("{\"id\":" + std::to_string(id) + ",\"embedding\":[1,0]}\n");
  client.shutdown_send();
  // The daemon has seen it once another connection of the same worker was answered.
  RawClient other(daemon.port());
  EXPECT_THAT(other.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("ok":true)"));
  gate.open();
  const auto all = client.read_all();
  for (int id = 1; id <= 5; ++id) EXPECT_THAT(all, HasSubstr("{\"id\":" + std::to_string(id) + ",\"ok\":true"));
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
}

// Waits until the daemon's stats hold `text`.
bool stats_say(RawClient& client, const std::string& text) {
  for (int i = 0; i < 10'000; ++i) {
    if (client.ask(R"({"id":1,"op":"stats"})").find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(Targets, Fault11ReadingPausesAtTheInFlightCapAndAllAreAnswered) {
  Gate gate;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      gate.pass();
      connection.send(reply_of("{}"));
    }
  });
  const DaemonProcess daemon(config_for(server.port(), "limits: {max_in_flight: 4}\n"));
  RawClient client(daemon.port());
  std::string lines;
  for (int id = 0; id < 100; ++id) lines += "{\"id\":" + std::to_string(id) + ",\"embedding\":[1,0]}\n";
  client.send(lines);
  RawClient other(daemon.port());
  EXPECT_TRUE(stats_say(other, R"("in_flight":4)")) << "not one more, though all have arrived";
  gate.open();
  std::string all;
  for (int i = 0; i < 100; ++i) all += client.read_line().value_or("") + "\n";
  for (int id = 0; id < 100; ++id) EXPECT_THAT(all, HasSubstr("{\"id\":" + std::to_string(id) + ",\"ok\":true"));
}

TEST(Targets, Fault12AnIdIsInFlightUntilItsReply) {
  Gate gate;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      gate.pass();
      connection.send(reply_of("{}"));
    }
  });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send("{\"id\":\"a\",\"embedding\":[1,0]}\n{\"embedding\":[1,0]}\n{\"id\":null,\"embedding\":[1,0]}\n");
  const auto refused = client.ask(R"({"id":"\u0061","op":"ping"})");
  EXPECT_THAT(refused, HasSubstr("already in flight")) << "the same id, written in another way";
  EXPECT_THAT(refused, HasSubstr("bad_request"));
  EXPECT_THAT(client.ask(R"({"id":"b","op":"ping"})"), HasSubstr(R"("ok":true)")) << "the connection is kept";
  RawClient other(daemon.port());
  EXPECT_THAT(other.ask(R"({"id":"a","op":"ping"})"), HasSubstr(R"("ok":true)")) << "ids are a connection's own";
  gate.open();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client.read_line().value_or(""), HasSubstr(R"("dispatched":true)"));
  EXPECT_THAT(client.ask(R"({"id":"a","op":"ping"})"), HasSubstr(R"("ok":true)"));
}

TEST(Targets, CancelEndsTheRequestAndItsConnectionToTheTarget) {
  FaultServer server([](FaultServer::Connection& connection) { connection.wait_closed(); });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send("{\"id\":7,\"embedding\":[1,0]}\n");
  const auto wrong = client.ask(R"({"id":"c","op":"cancel","request":"7"})");
  EXPECT_THAT(wrong, HasSubstr("not_found")) << "a string is another id than the number";
  RawClient other(daemon.port());
  EXPECT_THAT(other.ask(R"({"id":"c","op":"cancel","request":7})"), HasSubstr("not_found"))
      << "of the same connection only";
  client.send("{\"id\":\"c\",\"op\":\"cancel\",\"request\":7}\n");
  const auto both = client.read_line().value_or("") + client.read_line().value_or("");
  EXPECT_THAT(both, HasSubstr(R"("code":"cancelled")"));
  EXPECT_THAT(both, HasSubstr(R"({"id":"c","ok":true)"));
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
  EXPECT_THAT(client.ask(R"({"id":"c","op":"cancel","request":7})"), HasSubstr("not_found"));
}

TEST(Targets, CancelNamesFramesByTheirIds) {
  FaultServer server([](FaultServer::Connection& connection) { connection.wait_closed(); });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  const std::vector<float> along_x{1.0F, 0.0F};
  std::string frames;
  router::encode_client_frame(
      {.op = router::Op::route, .id = 7, .values = along_x, .content_type = {}, .payload = {}, .extras = {}}, frames);
  router::encode_client_frame(
      {.op = router::Op::ping, .id = 7, .values = {}, .content_type = {}, .payload = {}, .extras = {}}, frames);
  router::encode_client_frame({.op = router::Op::cancel,
                               .id = 8,
                               .values = {},
                               .content_type = {},
                               .payload = {},
                               .extras = R"({"request":7})"},
                              frames);
  client.send(frames);
  const auto twice = router::decode_reply(client.read_frame().value_or(""));
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->error->code, core::ErrorCode::bad_request) << "7 is in flight";
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 2; ++i) {
    const auto reply = router::decode_reply(client.read_frame().value_or(""));
    ASSERT_TRUE(reply.ok());
    seen.insert(reply->id);
    EXPECT_EQ(reply->error.has_value(), reply->id == 7);
    EXPECT_EQ(reply->error.value_or(core::Error{core::ErrorCode::cancelled, ""}).code, core::ErrorCode::cancelled);
  }
  EXPECT_EQ(seen, (std::set<std::uint32_t>{7, 8}));
}

TEST(Targets, Fault75AClientThatResetsCancelsItsDispatches) {
  FaultServer server([](FaultServer::Connection& connection) { connection.wait_closed(); });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send("{\"id\":1,\"embedding\":[1,0]}\n{\"id\":2,\"embedding\":[1,0]}\n");
  RawClient other(daemon.port());
  EXPECT_TRUE(stats_say(other, R"("api":{"ok":0,"in_flight":2)"));
  client.reset();
  EXPECT_TRUE(server.wait_for_closed_by_client(2));
  EXPECT_TRUE(stats_say(other, R"("api":{"ok":0,"in_flight":0,"errors":{"cancelled":2})"));
}

// Nothing is read of a client that has as much in flight as it may, nor after its end of input.
TEST(Targets, Fault75AlsoOneThatIsNotReadAnyMore) {
  FaultServer server([](FaultServer::Connection& connection) { connection.wait_closed(); });
  const DaemonProcess daemon(config_for(server.port()) + "limits: {max_in_flight: 2}\n");
  RawClient full(daemon.port());
  full.send("{\"id\":1,\"embedding\":[1,0]}\n{\"id\":2,\"embedding\":[1,0]}\n");
  RawClient half_closed(daemon.port());
  half_closed.send("{\"id\":1,\"embedding\":[1,0]}\n");
  half_closed.shutdown_send();
  RawClient other(daemon.port());
  EXPECT_TRUE(stats_say(other, R"("api":{"ok":0,"in_flight":3)"));
  full.reset();
  EXPECT_TRUE(server.wait_for_closed_by_client(2));
  half_closed.reset();
  EXPECT_TRUE(server.wait_for_closed_by_client(3));
  EXPECT_TRUE(stats_say(other, R"("api":{"ok":0,"in_flight":0,"errors":{"cancelled":3})"));
}

}  // namespace
}  // namespace semroute::test
