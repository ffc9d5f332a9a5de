// What a reload of the real daemon applies, key by key, on connections that stay open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/fault_server.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The parts that a test changes; "" leaves a part out.
struct Parts {
  std::string decision = "decision: {aggregation: max, score_threshold: 0.5}\n";
  std::string dispatch = {};
  std::string limits = {};
  std::string more = {};
};

class ReloadApplies : public ::testing::Test {
 protected:
  [[nodiscard]] std::string yaml(const Parts& parts) const {
    return "workers: 2\nindex: {dimension: 2}\n" + parts.decision + parts.dispatch + parts.limits +
           "targets: [{name: api, kind: http, url: 'http://127.0.0.1:" + std::to_string(server_.port()) +
           "/'}]\nroutes:\n  - {name: x, target: api, references: {vectors: [[1, 0]]}}\n"
           "  - {name: y, references: {vectors: [[0.6, 0.8]]}}\n" +
           parts.more;
  }
  void reload(const Parts& parts) {
    daemon_.rewrite(yaml(parts));
    ASSERT_THAT(client_.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("ok":true)")) << yaml(parts);
  }
  std::string match(const std::string& more = {}) {
    return client_.ask(R"({"id":1,"op":"match","embedding":[1,0])" + more + "}");
  }

  FaultServer server_{[](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) {
    }
  }};
  DaemonProcess daemon_{yaml({})};
  RawClient client_{daemon_.port()};
};

TEST_F(ReloadApplies, TheDecision) {
  EXPECT_THAT(match(), HasSubstr(R"("route":"x")"));
  reload({.decision = "decision: {aggregation: max, score_threshold: 1.5}\n"});
  EXPECT_THAT(match(), HasSubstr("below_threshold"));
  reload({.decision = "decision: {aggregation: max, margin: 0.5}\n"});
  EXPECT_THAT(match(), HasSubstr("ambiguous"));
  reload({.decision = "decision: {aggregation: max, score_threshold: 2, default_route: y}\n"});
  EXPECT_THAT(match(), HasSubstr(R"("decision":"default","reason":"below_threshold","route":"y")"));
  reload({.decision = "decision: {aggregation: centroid}\n"});
  EXPECT_THAT(match(), HasSubstr(R"("route":"x")"));
}

TEST_F(ReloadApplies, TheRoutesAndRouteSets) {
  reload({.more = "  - {name: new, references: {vectors: [[1, 0], [0, 1]]}, metadata: {a: 1}}\n"});
  EXPECT_THAT(match(R"(,"filter":{"routes":["new"]})"), HasSubstr(R"("route":"new")"));
  daemon_.folder().write("set.jsonl", "{\"embedding\":[1,0],\"label\":\"of_set\"}\n");
  reload({.more = "route_sets: [{vectors: set.jsonl}]\n"});
  EXPECT_THAT(match(R"(,"filter":{"routes":["of_set"]})"), HasSubstr(R"("route":"of_set")"));
  EXPECT_THAT(match(R"(,"filter":{"routes":["new"]})"), HasSubstr("filtered")) << "gone again";
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"), HasSubstr("\nsemrouted_references 3\n"));
}

TEST_F(ReloadApplies, TheHeadersThatMayBeHandedOn) {
  const std::string request = R"({"id":1,"embedding":[1,0],"headers":{"x-tenant":"acme"}})";
  EXPECT_THAT(client_.ask(request), HasSubstr(R"("dispatched":true)"));
  EXPECT_THAT(server_.requests().back(), Not(HasSubstr("x-tenant")));
  reload({.dispatch = "dispatch: {request_headers: [X-Tenant]}\n"});
  EXPECT_THAT(client_.ask(request), HasSubstr(R"("dispatched":true)"));
  EXPECT_THAT(server_.requests().back(), HasSubstr("\r\nx-tenant: acme\r\n"));
}

TEST_F(ReloadApplies, TheLimitsToOpenConnections) {
  const std::string batch = R"({"id":1,"op":"match","embeddings":[[1,0],[1,0]]})";
  EXPECT_THAT(client_.ask(batch), HasSubstr(R"("ok":true)"));
  reload({.limits = "limits: {max_batch: 1}\n"});
  EXPECT_THAT(client_.ask(batch), HasSubstr("too_large"));
  EXPECT_THAT(client_.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("max_request":16777216)"));
  reload({.limits = "limits: {max_request: 4KiB, max_connections: 1}\n"});
  EXPECT_THAT(client_.ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("max_request":4096)"));
  RawClient second(daemon_.port());
  EXPECT_THAT(second.read_line().value_or(""), HasSubstr("limits.max_connections"));
  EXPECT_THAT(client_.ask("{\"id\":1,\"op\":\"ping\"" + std::string(5'000, ' ') + "}"), HasSubstr("too_large"));
  EXPECT_TRUE(client_.closed());
}

TEST_F(ReloadApplies, NothingOfAFileThatNeedsARestartAnywhere) {
  daemon_.rewrite(
      yaml({.decision = "decision: {aggregation: max, score_threshold: 1.5}\n", .more = "drain: {delay: 1s}\n"}));
  const auto refused = client_.ask(R"({"id":1,"op":"reload"})");
  EXPECT_THAT(refused, HasSubstr("drain.delay: needs a restart: 0s is running, the file says 1s"));
  EXPECT_THAT(match(), HasSubstr(R"("route":"x")")) << "not even its threshold";
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"), HasSubstr("\nsemrouted_reload_success 0\n"));
  reload({});
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"), HasSubstr("\nsemrouted_reload_success 1\n"));
}

}  // namespace
}  // namespace semroute::test
