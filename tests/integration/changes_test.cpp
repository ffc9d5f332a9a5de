// routes.put, patch, delete and batch at the real daemon: what they answer, and what the next requests see.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "router/protocol/client_codec.h"
#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using router::ClientReply;
using router::ClientRequest;
using router::Op;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPut =
    R"({"op":"routes.put","route":{"name":"new","target":"canned","references":[[0,0,1,0],{"embedding":[0,0,1,1],"text":"hi"}],"metadata":{"tier":"new"}}})";

class RouteChanges : public ::testing::Test {
 protected:
  std::string ask(const std::string& line) { return client_.ask(line); }
  std::string match(const std::string& embedding, const std::string& more = "") {
    return ask(R"({"op":"match","embedding":)" + embedding + more + "}");
  }
  void expect_refused(const std::string& line, const std::string& code, const std::string& words) {
    EXPECT_THAT(ask(line), AllOf(HasSubstr("\"code\":\"" + code + "\""), HasSubstr(words))) << line;
  }
  ClientReply ask_frame(const ClientRequest& request) {
    RawClient client(daemon_.port());
    std::string frame;
    encode_client_frame(request, frame);
    client.send(frame);
    const auto reply = router::decode_reply(client.read_frame().value_or(""));
    EXPECT_TRUE(reply.ok());
    return reply.ok() ? *reply : ClientReply{};
  }

  DaemonProcess daemon_{tiny_config("limits: {max_request: 4KiB, max_change: 64KiB}\n")};
  RawClient client_{daemon_.port()};
};

TEST_F(RouteChanges, MetadataAndDescriptionsAreBounded) {
  const auto put = [](const std::string& more) {
    return R"({"op":"routes.put","route":{"name":"new","references":[[0,0,1,0]],)" + more + "}}";
  };
  const std::string long_text(4 * 1024 + 1, 'd');
  expect_refused(put(R"("description":")" + long_text + '"'), "too_large",
                 "route.description: 4097 bytes, at most 4096");
  EXPECT_THAT(ask(put(R"("description":")" + long_text.substr(1) + '"')), HasSubstr("\"ok\":true"));
  const auto metadata = [](std::size_t bytes) { return R"("metadata":{"k":")" + std::string(bytes - 8, 'm') + "\"}"; };
  DaemonProcess daemon(tiny_config("limits: {max_request: 4KiB, max_change: 1MiB}\n"));
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(put(metadata(64 * 1024 + 1))),
              AllOf(HasSubstr("too_large"), HasSubstr("route.metadata: 65537 bytes, at most 65536")));
  EXPECT_THAT(client.ask(put(metadata(64 * 1024))), HasSubstr("\"ok\":true"));
  EXPECT_THAT(client.ask(R"({"op":"routes.patch","name":"new","set":{)" + metadata(64 * 1024 + 1) + "}}"),
              AllOf(HasSubstr("too_large"), HasSubstr("set.metadata: 65537 bytes")));
}

TEST_F(RouteChanges, TheListComesByPages) {
  for (const char* const name : {"a", "c", "z"})
    ASSERT_THAT(ask(R"({"op":"routes.put","route":{"name":")" + std::string(name) + R"(","references":[[0,0,1,0]]}})"),
                HasSubstr("\"ok\":true"));
  const auto page = [&](const std::string& members) {
    const std::string reply = ask(R"({"op":"routes.list")" + members + "}");
    EXPECT_THAT(reply, HasSubstr(R"("revision":4,"total":5,"routes":[)"));
    std::string names;
    for (std::size_t at = reply.find("{\"name\":\""); at != std::string::npos; at = reply.find("{\"name\":\"", at + 1))
      names += reply.substr(at + 9, reply.find('"', at + 9) - at - 9) + ' ';
    return names;
  };
  EXPECT_EQ(page(""), "a billing c support z ");
  EXPECT_EQ(page(R"(,"limit":2)"), "a billing ");
  EXPECT_EQ(page(R"(,"offset":2,"limit":2)"), "c support ");
  EXPECT_EQ(page(R"(,"offset":4,"limit":2)"), "z ");
  EXPECT_EQ(page(R"(,"offset":9)"), "");
  expect_refused(R"({"op":"routes.list","limit":0})", "bad_request", "limit");
}

TEST_F(RouteChanges, APutIsServedOnceItIsAnswered) {
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr("no_match"));
  EXPECT_THAT(ask(kPut), HasSubstr(R"("ok":true)"));
  for (int connection = 0; connection < 4; ++connection) {  // on every worker
    RawClient other(daemon_.port());
    EXPECT_THAT(
        other.ask(R"({"op":"match","embedding":[0,0,1,0],"filter":{"metadata":{"tier":"new"}}})"),
        AllOf(HasSubstr(R"("route":"new","score":1,"metadata":{"tier":"new"},"target":"canned","revision":2)")));
  }
  EXPECT_THAT(match("[0,0,1,1]", R"(,"explain":true)"),
              HasSubstr(R"("text":"hi","negative":false}],"candidates":[{"route":"new")"));
  EXPECT_THAT(ask(R"({"op":"route","embedding":[0,0,1,0]})"), HasSubstr(R"("body":{"answer":42})"));
}

TEST_F(RouteChanges, AreListedAndShown) {
  EXPECT_THAT(ask(kPut), HasSubstr(R"("version":2,"revision":2})"));
  EXPECT_THAT(
      ask(R"({"op":"routes.list"})"),
      AllOf(HasSubstr(R"({"name":"billing","version":0,"source":"file","state":"active")"),
            HasSubstr(R"({"name":"new","version":2,"source":"run_time","state":"active","reference_count":2)")));
  EXPECT_THAT(ask(R"({"op":"routes.get","name":"new","vectors":true})"),
              HasSubstr(R"("references":[{"row":0,"embedding":[0,0,1,0]},{"row":1,"text":"hi","embedding":[0,0,)"));
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"),
              AllOf(HasSubstr("semrouted_routes 3\n"), HasSubstr("semrouted_references 5\n"),
                    HasSubstr("semrouted_revision 2\n"), HasSubstr("semrouted_parked_routes 0\n")));
}

TEST_F(RouteChanges, APatchKeepsTheOtherRowsInTheirOrder) {
  (void)ask(kPut);
  EXPECT_THAT(
      ask(R"({"op":"routes.patch","name":"new","remove":[0],"add":[[0,0,0,1],{"embedding":[0,0,-1,1],"text":"no"}],"add_negatives":[[0,0,0,2]],"set":{"score_threshold":0.9,"description":"d","target":null}})"),
      HasSubstr(R"("version":3)"));
  EXPECT_THAT(
      ask(R"({"op":"routes.get","name":"new"})"),
      HasSubstr(
          R"("reference_count":3,"negative_count":1,"score_threshold":0.9,"description":"d","metadata":{"tier":"new"},"references":[{"row":0,"text":"hi"},{"row":1},{"row":2,"text":"no"}],"negatives":[{"row":0}])"));
  EXPECT_THAT(match("[0,0,0,1]"), HasSubstr("negative"));
  EXPECT_THAT(ask(R"({"op":"routes.patch","name":"new","remove_negatives":[0]})"), HasSubstr(R"("version":4)"));
  EXPECT_THAT(match("[0,0,0,1]"), HasSubstr(R"("route":"new")"));
  expect_refused(R"({"op":"routes.patch","name":"new","remove":[3]})", "bad_request",
                 "remove: there is no row 3, route \\\"new\\\" has 3");
  expect_refused(R"({"op":"routes.patch","name":"new","remove":[1,1]})", "bad_request", "row 1 is named twice");
  expect_refused(R"({"op":"routes.patch","name":"new","remove":[0,1,2]})", "bad_request", "no references left");
  expect_refused(R"({"op":"routes.patch","name":"none","remove":[0]})", "not_found", "there is no route");
  expect_refused(R"({"op":"routes.patch","name":"new","add":[[1,2]]})", "dimension_mismatch",
                 "add[0] has 2 numbers, the index 4");
  expect_refused(R"({"op":"routes.patch","name":"new","set":{"target":"cannes"}})", "bad_request",
                 "set.target: expected the name of a target, found \\\"cannes\\\"; did you mean canned?");
}

TEST_F(RouteChanges, VersionsHoldConditionalChanges) {
  const auto put = [&](const std::string& version) {
    return R"({"op":"routes.put","route":{"name":"new","references":[[0,0,1,0]]},"if_version":)" + version + "}";
  };
  expect_refused(put("5"), "conflict", "5 was expected, but there is no route");
  EXPECT_THAT(ask(put("0")), HasSubstr(R"("version":2)"));
  expect_refused(put("0"), "conflict", "0 was expected, but route \\\"new\\\" has version 2");
  EXPECT_THAT(ask(put("2")), HasSubstr(R"("version":3)"));
  expect_refused(R"({"op":"routes.patch","name":"new","add":[[1,0,0,0]],"if_version":2})", "conflict", "version 3");
  expect_refused(R"({"op":"routes.delete","name":"new","if_version":2})", "conflict", "version 3");
  EXPECT_THAT(ask(R"({"op":"routes.delete","name":"new","if_version":3})"), HasSubstr(R"("revision":4})"));
  expect_refused(R"({"op":"routes.delete","name":"new"})", "not_found", "there is no route");
  EXPECT_THAT(ask(put("0")), HasSubstr(R"("version":5)"));
}

TEST_F(RouteChanges, RoutesOfTheFileAreTheFiles) {
  expect_refused(R"({"op":"routes.put","route":{"name":"billing","references":[[0,0,1,0]]}})", "conflict",
                 "is of the configuration, at " + daemon_.config_path() + ":");
  expect_refused(R"({"op":"routes.patch","name":"billing","remove":[0]})", "conflict", ":9:5: change it there");
  expect_refused(R"({"op":"routes.delete","name":"billing"})", "conflict", "change it there and reload");
}

TEST_F(RouteChanges, WhatIsWrongIsNamedAndChangesNothing) {
  const auto put = [](const std::string& route) { return R"({"op":"routes.put","route":{"name":"n",)" + route + "}}"; };
  expect_refused(put(R"("references":[])"), "bad_request", "route.references: expected at least one");
  expect_refused(put(R"("references":[[1,0,0,0],[1,0]])"), "dimension_mismatch",
                 "route.references[1] has 2 numbers, the index 4");
  expect_refused(put(R"("references":[[1,0,0,0],[0,0,0,0]])"), "bad_vector", "route.references[1]: has the norm 0");
  expect_refused(put(R"("references":[[1,0,0,0]],"negatives":[[1e30,0,0,0]])"), "bad_vector", "route.negatives[0]: ");
  expect_refused(put(R"("references":[[1,0,0,0]],"target":"none")"), "bad_request", "route.target: expected the name");
  expect_refused(R"({"op":"routes.put","route":{"name":"a/b","references":[[1,0,0,0]]}})", "bad_request", "route.name");
  expect_refused(
      R"({"op":"routes.batch","changes":[{"put":{"route":{"name":"n","references":[[1,0,0,0]]}}},{"delete":{"name":"none"}}]})",
      "not_found", "changes[1].delete: there is no route");
  EXPECT_THAT(ask(R"({"op":"routes.list"})"), AllOf(HasSubstr(R"("revision":1)"), Not(HasSubstr(R"("name":"n")"))));
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"), HasSubstr("semrouted_references 3\n"));
}

TEST_F(RouteChanges, ABatchIsInOrderAndOneRevision) {
  EXPECT_THAT(
      ask(R"({"op":"routes.batch","changes":[{"put":{"route":{"name":"a","references":[[0,0,1,0]]},"if_version":0}},{"patch":{"name":"a","add":[[0,0,0,1]],"remove":[0]}},{"put":{"route":{"name":"b","references":[[0,0,1,0]]}}},{"delete":{"name":"b"}}]})"),
      HasSubstr(R"("version":2,"revision":2})"));
  EXPECT_THAT(ask(R"({"op":"routes.get","name":"a","vectors":true})"), HasSubstr(R"("embedding":[0,0,0,1]}])"));
  EXPECT_THAT(ask(R"({"op":"routes.get","name":"b"})"), HasSubstr("not_found"));
}

TEST_F(RouteChanges, ComeInFramesToo) {
  const std::vector<float> values{0, 0, 1, 0, 0, 0, 0, 1};
  const ClientReply put = ask_frame(
      {.op = Op::routes_put,
       .id = 7,
       .values = values,
       .count = 2,
       .extras = R"({"route":{"name":"new","references":{"rows":[0,1],"texts":["z"]},"negatives":{"rows":[1,1]}}})"});
  EXPECT_FALSE(put.error) << put.error->message;
  EXPECT_EQ(put.id, 7U);
  EXPECT_THAT(put.extras, HasSubstr(R"("version":2,"revision":2})"));
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr(R"("route":"new")"));
  const ClientReply patch = ask_frame({.op = Op::routes_patch,
                                       .values = std::span(values).last(4),
                                       .extras = R"({"name":"new","add":{"rows":[0,1]},"remove_negatives":[0]})"});
  EXPECT_THAT(patch.extras, HasSubstr(R"("version":3)"));
  EXPECT_THAT(match("[0,0,0,1]"), HasSubstr(R"("route":"new")"));
  const ClientReply batch = ask_frame(
      {.op = Op::routes_batch,
       .values = values,
       .count = 2,
       .extras =
           R"({"changes":[{"put":{"route":{"name":"a","references":{"rows":[0,1]}}}},{"patch":{"name":"a","add":{"rows":[1,1]}}}]})"});
  EXPECT_THAT(batch.extras, HasSubstr(R"("version":4)"));
  const ClientReply refused = ask_frame({.op = Op::routes_delete, .extras = R"({"name":"new","if_version":9})"});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, core::ErrorCode::conflict);
  EXPECT_FALSE(ask_frame({.op = Op::routes_delete, .extras = R"({"name":"new"})"}).error);
  EXPECT_THAT(ask(R"({"op":"routes.list"})"), AllOf(HasSubstr(R"("name":"a")"), Not(HasSubstr(R"("name":"new")"))));
}

// A put of so many bytes.
std::string padded_put(std::size_t bytes, bool op_first = true) {
  const std::string op = R"("op":"routes.put")";
  const std::string route = R"("route":{"name":"big","references":[{"embedding":[1,0,0,0],"text":")";
  const std::size_t rest = 4 + op.size() + route.size() + 4;
  const std::string text = route + std::string(bytes - rest, 'x') + "\"}]}";
  return "{" + (op_first ? op + ", " + text : text + ", " + op) + "}";
}

TEST_F(RouteChanges, MayBeLongerThanOtherRequests) {
  EXPECT_THAT(ask(padded_put(60'000)), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(ask(padded_put(4'000, false)), HasSubstr(R"("ok":true)"));
  const auto expect_closed = [&](const std::string& line, const std::string& words) {
    RawClient client(daemon_.port());
    EXPECT_THAT(client.ask(line), AllOf(HasSubstr("too_large"), HasSubstr(words)));
    EXPECT_TRUE(client.closed());
  };
  expect_closed(padded_put(66'000), "limits.max_change, 65536");
  expect_closed(padded_put(5'000, false), "limits.max_request, 4096");  // it does not name its op in time
  expect_closed(R"({"op":"match","embedding":[1,0,0,0],"payload":")" + std::string(5'000, 'x') + "\"}",
                "limits.max_request");
  const std::vector<float> values(4 * 1'000, 1.0F);
  EXPECT_FALSE(ask_frame({.op = Op::routes_put,
                          .values = values,
                          .count = 1'000,
                          .extras = R"({"route":{"name":"big","references":{"rows":[0,1000]}}})"})
                   .error);
  const ClientReply refused = ask_frame({.op = Op::match, .values = values, .count = 1'000});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, core::ErrorCode::too_large);
}

TEST(RouteChangeLimits, AChangeMayHaveLessRoomThanOtherRequests) {
  const DaemonProcess daemon(tiny_config("limits: {max_request: 16KiB, max_change: 1KiB}\n"));
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(padded_put(2'000)), AllOf(HasSubstr("too_large"), HasSubstr("limits.max_change is 1024")));
  EXPECT_THAT(client.ask(padded_put(1'000)), HasSubstr(R"("ok":true)")) << "the connection is kept";
}

TEST(RouteChangeLimits, Fault45CapacityReached) {
  const DaemonProcess daemon(
      "index: {dimension: 2, capacity: 4}\nroutes: [{name: f, references: {vectors: [[1, 0]]}}]\n");
  RawClient client(daemon.port());
  const auto put = [&](const std::string& name, const std::string& references) {
    return client.ask(R"({"op":"routes.put","route":{"name":")" + name + R"(","references":)" + references + "}}");
  };
  EXPECT_THAT(put("a", "[[1,1],[0,1]]"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(put("b", "[[1,1],[0,1]]"), AllOf(HasSubstr("resource_exhausted"), HasSubstr("index.capacity is 4")));
  EXPECT_THAT(put("a", "[[1,1],[0,1],[0,2]]"), HasSubstr(R"("ok":true)")) << "what it replaces makes room";
  EXPECT_THAT(put("b", "[[1,1]]"), HasSubstr("resource_exhausted"));
  for (int i = 0; i < 50; ++i) EXPECT_THAT(put("a", "[[1,1],[0,1],[0,2]]"), HasSubstr(R"("ok":true)")) << i;
  EXPECT_THAT(client.ask(R"({"op":"routes.delete","name":"a"})"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(put("b", "[[1,1]]"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(client.ask(R"({"op":"match","embedding":[1,1]})"), HasSubstr(R"("route":"b")"));
}

TEST_F(RouteChanges, Fault48PutTwiceIsReplacedAndTheRestStillFound) {
  (void)ask(kPut);
  (void)ask(R"({"op":"routes.put","route":{"name":"other","references":[[0,0,0,1]]}})");
  (void)ask(kPut);
  (void)ask(kPut);
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr(R"("route":"new")"));
  EXPECT_THAT(match("[0,0,0,1]"), HasSubstr(R"("route":"other")"));
  EXPECT_THAT(match("[1,0,0,0]"), HasSubstr(R"("route":"billing")"));
  EXPECT_THAT(ask(R"({"op":"routes.get","name":"new"})"), HasSubstr(R"("reference_count":2)"));
}

TEST_F(RouteChanges, ReloadsKeepThemOrParkThem) {
  (void)ask(kPut);
  (void)ask(R"({"op":"routes.put","route":{"name":"free","references":[[0,0,0,1]]}})");
  EXPECT_THAT(ask(R"({"op":"reload"})"), HasSubstr(R"("revision":4)"));
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr(R"("route":"new")"));
  std::string yaml = tiny_config("  - {name: free, references: {vectors: [[0, 0, 0, -1]]}}\n");
  yaml.replace(yaml.find("name: canned"), 12, "name: other ");
  yaml.replace(yaml.find("target: canned"), 14, "target: other ");
  daemon_.rewrite(yaml + "limits: {max_request: 4KiB, max_change: 64KiB}\n");
  EXPECT_THAT(ask(R"({"op":"reload"})"), HasSubstr(R"("revision":5)"));
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr("no_match"));
  EXPECT_THAT(match("[0,0,0,-1]"), HasSubstr(R"("route":"free")"));
  EXPECT_THAT(
      ask(R"({"op":"routes.list"})"),
      AllOf(
          HasSubstr(R"({"name":"free","version":0,"source":"file","state":"active")"),
          HasSubstr(
              R"({"name":"free","version":3,"source":"run_time","state":"parked","reason":"the configuration has a route of this name","reference_count":1)"),
          HasSubstr(
              R"({"name":"new","version":2,"source":"run_time","state":"parked","reason":"there is no target \"canned\"","reference_count":2)")));
  EXPECT_THAT(ask(R"({"op":"routes.get","name":"new","vectors":true})"),
              HasSubstr(R"("references":[{"row":0,"embedding":[0,0,1,0]},{"row":1,"text":"hi")"));
  EXPECT_THAT(http_get(daemon_.admin_port(), "/metrics"), HasSubstr("semrouted_parked_routes 2\n"));
  EXPECT_THAT(ask(R"({"op":"stats"})"), HasSubstr(R"("parked_routes":2)"));
  EXPECT_THAT(daemon_.log(), HasSubstr("warning route \"new\" of run time is parked: there is no target \"canned\""));
  expect_refused(R"({"op":"routes.put","route":{"name":"free","references":[[0,0,0,1]]}})", "conflict",
                 "is of the configuration");
  EXPECT_THAT(ask(R"({"op":"routes.delete","name":"free"})"), HasSubstr(R"("ok":true)")) << "the parked one";
  EXPECT_THAT(match("[0,0,0,-1]"), HasSubstr(R"("route":"free")"));
  daemon_.rewrite(tiny_config());
  EXPECT_THAT(ask(R"({"op":"reload"})"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(match("[0,0,1,0]"), HasSubstr(R"("route":"new")"));
  EXPECT_THAT(daemon_.log(), HasSubstr("info route \"new\" of run time is active again"));
}

TEST(RouteChangesOf, OtherMachinesAreForbidden) {
  std::string address;
  ifaddrs* list = nullptr;
  ASSERT_EQ(::getifaddrs(&list), 0);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const in_addr ip = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    if ((ntohl(ip.s_addr) >> 24) != 127) address = ::inet_ntoa(ip);
  }
  ::freeifaddrs(list);
  if (address.empty()) GTEST_SKIP() << "this machine has no address beside loopback";
  const DaemonProcess daemon("listen: 0.0.0.0:0\naccess: {allow_open: true}\n" +
                             tiny_config("limits: {max_request: 1KiB, max_change: 64KiB}\n"));
  RawClient near(daemon.port());
  EXPECT_THAT(near.ask(kPut), HasSubstr(R"("ok":true)"));
  RawClient far(daemon.port(), address);
  EXPECT_THAT(far.ask(kPut), AllOf(HasSubstr(R"("code":"forbidden")"), HasSubstr("over a loopback address")));
  EXPECT_THAT(far.ask(R"({"op":"routes.delete","name":"new"})"), HasSubstr("forbidden"));
  EXPECT_THAT(far.ask(R"({"op":"match","embedding":[0,0,1,0]})"), HasSubstr(R"("route":"new")"));
  EXPECT_THAT(far.ask(padded_put(2'000)), HasSubstr("too_large")) << "nor may they send so much";
}

}  // namespace
}  // namespace semroute::test
