// The admin address of the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Admin, HealthReadyMetricsAndRefusals) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"embedding":[1,0,0,0]})"), HasSubstr("\"dispatched\":true"));
  const auto port = daemon.admin_port();
  EXPECT_THAT(http_get(port, "/healthz"), HasSubstr("200 OK"));
  EXPECT_THAT(http_get(port, "/readyz"), HasSubstr("\"ready\":true"));
  EXPECT_THAT(http_get(port, "/nothing"), HasSubstr("404"));
  EXPECT_THAT(http_get(port, "/metrics", "DELETE"), HasSubstr("405"));
  const auto metrics = http_get(port, "/metrics");
  for (const char* expected :
       {"semrouted_decisions_total{route=\"billing\",decision=\"matched\",reason=\"passed\"} 1",
        "semrouted_score_bucket{route=\"billing\"", "semrouted_stage_seconds_bucket{stage=\"search\"",
        "semrouted_dispatch_total{target=\"canned\",outcome=\"ok\"} 1", "semrouted_connections 1",
        "semrouted_references 3", "semrouted_negatives 1", "semrouted_revision 1", "semrouted_reload_success 1",
        "semrouted_build_info{version=", "process_resident_memory_bytes"}) {
    EXPECT_THAT(metrics, HasSubstr(expected));
  }
  EXPECT_THAT(http_get(port, "/metrics", "HEAD"), Not(HasSubstr("semrouted_")));
}

// faults.md 24-29 and 31-33, as far as HTTP for operators has them: what is answered, and whether another request on
// the connection is.
class AdminFaults : public ::testing::Test {
 protected:
  void expect(const std::string& request, const std::string& status, bool kept) const {
    RawClient client(daemon_.admin_port());
    client.send(request + "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto replies = client.read_all();
    EXPECT_EQ(replies.rfind("HTTP/1.1 " + status, 0), 0U) << request << replies;
    EXPECT_EQ(replies.find("\"ready\":true") != std::string::npos, kept) << request << replies;
    EXPECT_FALSE(client.was_reset()) << request;
    EXPECT_THAT(http_get(daemon_.admin_port(), "/healthz"), HasSubstr("200 OK")) << "after " << request;
  }
  static std::string with(const std::string& headers) {
    return "GET /healthz HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
  }

  DaemonProcess daemon_{tiny_config()};
};

TEST_F(AdminFaults, Fault24To26TransferEncodingAndContentLength) {
  expect(with("Transfer-Encoding: gzip\r\nContent-Length: 0\r\n"), "400", false);
  expect(with("Transfer-Encoding: xchunked\r\n"), "400", false);
  expect(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n", "400", false);
  expect(with("Content-Length: 0\r\nContent-Length: 0\r\n"), "400", false);
  expect(with("Content-Length: 0, 0\r\n"), "400", false);
  expect("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", "400", false);
  expect(with("Content-Length: 0\r\n"), "200", true);
}

TEST_F(AdminFaults, Fault27HostTargetAndFolding) {
  expect("GET /healthz HTTP/1.1\r\n\r\n", "400", false);
  expect(with("Host: b\r\n"), "400", false);
  expect("GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", "400", false);
  expect(with("X: a\r\n b\r\n"), "400", false);
  expect("{\"op\":\"ping\"}\n", "400", false);
}

TEST_F(AdminFaults, Fault28HeadersOverTheLimits) {
  expect(with("X: " + std::string(9'000, 'a') + "\r\n"), "431", false);
  expect("GET /" + std::string(100'000, 'a'), "431", false);
  std::string headers;
  for (int i = 0; i < 100; ++i) headers += "X: a\r\n";
  expect(with(headers), "431", false);
}

TEST_F(AdminFaults, Fault29And32ABodyIsRefusedUnread) {
  expect("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "413", false);
  expect("PUT /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413", false);
  expect("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "413", false);
}

TEST_F(AdminFaults, Fault31And33WhatIsNotThereKeepsTheConnection) {
  expect("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404", true);
  expect("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "405", true);
  for (const std::string& path : {std::string("/a/../healthz"), std::string("/a%2Fhealthz"), std::string("/a%00b")}) {
    expect("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n", "400", true);
  }
}

}  // namespace
}  // namespace semroute::test
