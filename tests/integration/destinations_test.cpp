// Where decided requests go: fallback targets, splits and mirrors, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <string>

#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/fault_server.h"
#include "tests/support/held_server.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace json = boost::json;

std::string http_target(const std::string& name, std::uint16_t port) {
  return "  - {name: " + name + ", kind: http, retries: 0, url: \"http://127.0.0.1:" + std::to_string(port) + "/\"}\n";
}
std::string canned(const std::string& name) {
  return "  - {name: " + name + ", kind: static, reply: {from: " + name + "}}\n";
}
// One route with these keys; one worker, so that what it has in flight can be known.
std::string config_for(const std::string& targets, const std::string& keys, const std::string& more = {}) {
  return "workers: 1\nindex: {dimension: 2}\ntargets:\n" + targets + "routes:\n  - {name: one, " + keys +
         ", references: {vectors: [[1, 0]]}}\n" + more;
}
std::uint16_t free_port() { return BoundSocket().port(); }

json::object asked(RawClient& client, const std::string& members) {
  return json::parse(client.ask("{\"id\":1," + members + "}")).as_object();
}
json::object routed(RawClient& client, const std::string& more = {}) {
  return asked(client, "\"embedding\":[1,0]" + more);
}

TEST(Destinations, ATargetThatIsDownIsFallenBackFromAndAllAttemptsAreTold) {
  const DaemonProcess daemon(
      config_for(http_target("down", free_port()) + http_target("down_too", free_port()) + canned("spare"),
                 "target: down, fallback_targets: [down_too, spare]"));
  RawClient client(daemon.port());
  const json::object reply = routed(client, R"(,"explain":true)");
  EXPECT_EQ(reply.at("target"), "spare") << reply;
  EXPECT_EQ(reply.at("reply").at("body").at("from"), "spare");
  const json::array& attempts = reply.at("explain").at("attempts").as_array();
  ASSERT_EQ(attempts.size(), 3U);
  EXPECT_EQ(attempts[0].at("target"), "down");
  EXPECT_EQ(attempts[0].at("outcome"), "upstream_unavailable");
  EXPECT_EQ(attempts[1].at("target"), "down_too");
  EXPECT_EQ(attempts[2].at("target"), "spare");
  EXPECT_EQ(attempts[2].at("outcome"), "ok");
  EXPECT_TRUE(attempts[2].at("took_us").is_int64());

  const json::object match = asked(client, R"("op":"match","embedding":[1,0])");
  EXPECT_EQ(match.at("target"), "down") << "health does not change the decision";
  const json::object stats = asked(client, R"("op":"stats")").at("targets").as_object();
  EXPECT_EQ(stats.at("down").at("errors").at("upstream_unavailable"), 1);
  EXPECT_EQ(stats.at("spare").at("ok"), 1);
}

TEST(Destinations, ABinaryReplyNamesTheTargetThatAnsweredToo) {
  const DaemonProcess daemon(
      config_for(http_target("down", free_port()) + canned("spare"), "target: down, fallback_targets: [spare]"));
  RawClient client(daemon.port());
  const std::vector<float> embedding{1.0F, 0.0F};
  std::string frame;
  router::encode_client_frame({.op = router::Op::route, .values = embedding}, frame);
  client.send(frame);
  const auto reply = router::decode_reply(client.read_frame().value());
  ASSERT_TRUE(reply.ok() && !reply->error);
  EXPECT_EQ(reply->results.at(0).target, "spare");
  EXPECT_EQ(reply->body, R"({"from":"spare"})");
}

TEST(Destinations, AReplyThatBreaksOffIsNotAskedForAgainElsewhere) {
  FaultServer breaking([](FaultServer::Connection& connection) {
    if (connection.read_request()) (void)connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  const DaemonProcess daemon(config_for(http_target("breaking", breaking.port()) + canned("spare"),
                                        "target: breaking, fallback_targets: [spare]"));
  RawClient client(daemon.port());
  const json::object reply = routed(client);
  EXPECT_EQ(reply.at("error").at("code"), "upstream_error");
  EXPECT_EQ(reply.at("error").at("sent"), true);
  EXPECT_EQ(reply.at("target"), "breaking");
  EXPECT_EQ(breaking.requests().size(), 1U);
}

TEST(Destinations, UnlessItsTargetMayBeAskedTwice) {
  FaultServer breaking([](FaultServer::Connection& connection) {
    if (connection.read_request()) (void)connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  const DaemonProcess daemon(
      config_for("  - {name: breaking, kind: http, idempotent: true, retries: 0, url: \"http://127.0.0.1:" +
                     std::to_string(breaking.port()) + "/\"}\n" + canned("spare"),
                 "target: breaking, fallback_targets: [spare]"));
  RawClient client(daemon.port());
  const json::object reply = routed(client, R"(,"explain":true)");
  EXPECT_EQ(reply.at("target"), "spare");
  const json::array& attempts = reply.at("explain").at("attempts").as_array();
  ASSERT_EQ(attempts.size(), 2U) << attempts;
  EXPECT_EQ(attempts[0].at("endpoint"), json::value("http://127.0.0.1:" + std::to_string(breaking.port()) + "/"));
  EXPECT_EQ(attempts[0].at("outcome"), "upstream_error");
  const json::object stats = asked(client, R"("op":"stats")").at("targets").as_object();
  EXPECT_EQ(stats.at("breaking").at("endpoints").at(0).at("requests"), 1) << stats;
  EXPECT_EQ(stats.at("breaking").at("state"), "healthy");
}

TEST(Destinations, ASplitIsStickyByKeyAndSharedOutByWeight) {
  const DaemonProcess daemon(
      config_for(canned("a") + canned("b"), "target: [{target: a, weight: 75}, {target: b, weight: 25}]"));
  RawClient client(daemon.port());
  std::map<std::string, int> counts;
  std::map<std::string, std::string> chosen;
  constexpr int kKeys = 1'000;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "user-" + std::to_string(i);
    const json::object reply = routed(client, ",\"key\":\"" + key + "\"");
    const std::string target(reply.at("target").as_string());
    EXPECT_EQ(reply.at("reply").at("body").at("from"), json::value(target));
    chosen[key] = target;
    ++counts[target];
  }
  // 25 % of 1,000 by a fixed hash: the same in every run.
  EXPECT_GT(counts["b"], 200);
  EXPECT_LT(counts["b"], 300);
  RawClient another(daemon.port());
  for (int i = 0; i < kKeys; i += 50) {
    const std::string key = "user-" + std::to_string(i);
    EXPECT_EQ(asked(another, R"("op":"match","embedding":[1,0],"key":")" + key + '"').at("target"),
              json::value(chosen[key]));
  }
  EXPECT_THAT(client.ask(R"({"id":2,"op":"reload"})"), HasSubstr("\"revision\":2"));
  for (int i = 0; i < kKeys; i += 50) {
    const std::string key = "user-" + std::to_string(i);
    EXPECT_EQ(routed(client, ",\"key\":\"" + key + "\"").at("target"), json::value(chosen[key])) << "after a reload";
  }
  bool drawn_a = false;
  bool drawn_b = false;
  for (int i = 0; i < 1'000 && !(drawn_a && drawn_b); ++i) {
    const json::object reply = routed(client);
    drawn_a = drawn_a || reply.at("target") == "a";
    drawn_b = drawn_b || reply.at("target") == "b";
  }
  EXPECT_TRUE(drawn_a && drawn_b) << "without a key the target is drawn";
}

TEST(Destinations, AMirrorGetsACopyAndIsNeverSeen) {
  FaultServer shadow([](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")) {
    }
  });
  const DaemonProcess daemon(
      config_for(canned("main") + http_target("shadow", shadow.port()), "target: main, mirror: {target: shadow}"));
  RawClient client(daemon.port());
  const json::object reply = routed(client, R"(,"payload":{"n":1},"request_id":"r-1","explain":true)");
  EXPECT_EQ(reply.at("target"), "main");
  EXPECT_EQ(reply.at("reply").at("body").at("from"), "main");
  EXPECT_EQ(reply.at("explain").at("attempts").as_array().size(), 1U);
  EXPECT_TRUE(eventually([&] { return shadow.requests().size() == 1; }));
  EXPECT_THAT(shadow.requests().at(0), HasSubstr("X-Request-Id: r-1\r\n"));
  EXPECT_THAT(shadow.requests().at(0), HasSubstr("{\"n\":1}"));
  EXPECT_THAT(shadow.requests().at(0), HasSubstr("X-Semroute-Mirror: 1\r\n"));
}

TEST(Destinations, AMirrorThatIsDownOrHangsHoldsUpNothing) {
  HeldServer held;
  const DaemonProcess daemon(
      config_for(canned("main") + http_target("down", free_port()) + http_target("held", held.port()),
                 "target: main, mirror: {target: held}",
                 "  - {name: two, target: main, mirror: {target: down}, references: "
                 "{vectors: [[0, 1]]}}\n"));
  RawClient client(daemon.port());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(routed(client).at("target"), "main");
  EXPECT_EQ(asked(client, R"("embedding":[0,1])").at("reply").at("body").at("from"), "main");
  json::object targets;
  EXPECT_TRUE(eventually([&] {
    targets = asked(client, R"("op":"stats")").at("targets").as_object();
    return targets.at("down").at("errors").as_object().contains("upstream_unavailable");
  })) << targets;
  EXPECT_LE(targets.at("held").at("in_flight").as_int64(), 64);
  EXPECT_GE(targets.at("held").at("errors").at("overloaded").as_int64(), 1) << "the rest was not sent";
  EXPECT_EQ(targets.at("main").at("ok"), 101);
}

TEST(Destinations, ADrainDoesNotWaitForMirrors) {
  HeldServer held;
  DaemonProcess daemon(config_for(canned("main") + http_target("held", held.port()),
                                  "target: main, mirror: {target: held}", "drain: {timeout: 1h}\n"));
  RawClient client(daemon.port());
  EXPECT_EQ(routed(client).at("target"), "main");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(60), 0);
}

TEST(Destinations, RoutesOfRunTimeHaveThemToo) {
  TemporaryFolder data;
  const std::string yaml =
      config_for(canned("a") + canned("b") + canned("c"), "target: a", "data_dir: \"" + data.path() + "/d\"\n");
  const std::string put = R"("op":"routes.put","route":{"name":"two","references":[[0,1]],)"
                          R"("target":[{"target":"a","weight":3},{"target":"b","weight":1}],)"
                          R"("fallback_targets":["c","a"],"mirror":{"target":"c","percent":12.5}})";
  const std::string shown =
      R"("target":[{"target":"a","weight":3},{"target":"b","weight":1}],"fallback_targets":["c","a"],)"
      R"("mirror":{"target":"c","percent":12.5})";
  {
    DaemonProcess daemon(yaml);
    RawClient client(daemon.port());
    EXPECT_EQ(asked(client, put).at("ok"), true);
    EXPECT_THAT(client.ask(R"({"id":1,"op":"routes.get","name":"two"})"), HasSubstr(shown));
    EXPECT_THAT(client.ask(R"({"id":1,"op":"routes.list"})"), HasSubstr(shown));
    const auto refused = [&](const std::string& set) {
      return std::string(asked(client, R"("op":"routes.patch","name":"two","set":{)" + set + '}')
                             .at("error")
                             .at("message")
                             .as_string());
    };
    EXPECT_THAT(refused(R"("fallback_targets":["x"])"),
                HasSubstr("set.fallback_targets: expected the name of a target, found \"x\""));
    EXPECT_THAT(refused(R"("mirror":{"target":"x"})"), HasSubstr("set.mirror.target: expected the name of a target"));
    EXPECT_THAT(refused(R"("target":null)"), HasSubstr("set.fallback_targets: expected none, as there is no target"));
    EXPECT_THAT(refused(R"("target":"a")"), HasSubstr("set.fallback_targets: \"a\" is the target itself"));
    EXPECT_THAT(refused(R"("mirror":{"target":"b"})"), HasSubstr("set.mirror.target: \"b\" is in the split"));
    EXPECT_THAT(refused(R"("target":"c","fallback_targets":null)"),
                HasSubstr("set.mirror.target: \"c\" is the target itself"));
    EXPECT_THAT(refused(R"("fallback_targets":["c","c"])"), HasSubstr("\"c\" is in this list already"));
  }
  {
    DaemonProcess daemon(yaml);
    RawClient client(daemon.port());
    EXPECT_THAT(client.ask(R"({"id":1,"op":"routes.get","name":"two"})"), HasSubstr(shown)) << "kept";
    // Parked when any of them is gone, also one that is only mirrored to.
    daemon.rewrite(config_for(canned("a") + canned("b"), "target: a", "data_dir: \"" + data.path() + "/d\"\n"));
    EXPECT_THAT(client.ask(R"({"id":2,"op":"reload"})"), HasSubstr("\"ok\":true"));
    EXPECT_THAT(client.ask(R"({"id":1,"op":"routes.get","name":"two"})"),
                HasSubstr(R"("state":"parked","reason":"there is no target \"c\"")"));
    EXPECT_THAT(client.ask(R"({"id":1,"op":"routes.patch","name":"two","set":{"score_threshold":0.5}})"),
                HasSubstr("its target \\\"c\\\" is not there; set another one"));
    EXPECT_EQ(
        asked(client, R"("op":"routes.patch","name":"two","set":{"fallback_targets":null,"mirror":null})").at("ok"),
        true);
    const std::string now = client.ask(R"({"id":1,"op":"routes.get","name":"two"})");
    EXPECT_THAT(now, HasSubstr("\"state\":\"active\""));
    EXPECT_THAT(now, HasSubstr(R"("target":[{"target":"a","weight":3},{"target":"b","weight":1}])"));
    EXPECT_THAT(now, Not(HasSubstr("fallback_targets")));
    EXPECT_THAT(now, Not(HasSubstr("mirror")));
  }
}

}  // namespace
}  // namespace semroute::test
