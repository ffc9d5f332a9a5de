// What the daemon as a whole makes of http targets: checks once for all workers, secrets read again by a reload, a
// large stream that is not kept, and what stats and explain tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/fault_server.h"
#include "tests/support/flaky_upstream.h"
#include "tests/support/peer_program.h"
#include "tests/support/raw_client.h"
#include "tests/support/runs_slowly.h"

namespace semroute::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const std::string kAsk = R"({"id":1,"embedding":[0,1,0,0],"payload":{"n":0},"explain":true})";

std::string target_at(std::uint16_t port, const std::string& keys) {
  return "  - name: up\n    kind: http\n    url: \"http://127.0.0.1:" + std::to_string(port) + "/a?secret=1\"\n" + keys;
}

json::value ask(std::uint16_t port, const std::string& line) {
  RawClient client(port);
  return json::parse(client.ask(line));
}

TEST(HttpEndpoints, AreCheckedOnceForAllWorkers) {
  FlakyUpstream upstream({}, 1, 1);
  const DaemonProcess daemon(
      "workers: 4\n" + tiny_config({}, target_at(upstream.port(), "    health: {path: /healthz, interval: 1h}\n"), "up")
                           .substr(std::string("workers: 2\n").size()));
  ASSERT_TRUE(eventually([&] { return upstream.checks() > 0; }));
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(ask(daemon.port(), kAsk).at("ok").as_bool());
  EXPECT_EQ(upstream.checks(), 1U);
}

TEST(HttpEndpoints, TellOfThemselvesInStatsAndExplain) {
  FlakyUpstream upstream({}, 1, 1);
  const DaemonProcess daemon(
      tiny_config({}, target_at(upstream.port(), "    ejection: {consecutive_failures: 1}\n"), "up"));
  const json::value reply = ask(daemon.port(), kAsk);
  const std::string address = "http://127.0.0.1:" + std::to_string(upstream.port()) + "/a";
  const json::value& attempt = reply.at("explain").at("attempts").at(0);
  EXPECT_EQ(attempt.at("endpoint"), json::value(address));
  EXPECT_EQ(attempt.at("outcome"), "ok");
  const json::value stats = ask(daemon.port(), R"({"id":1,"op":"stats"})").at("targets").at("up");
  EXPECT_EQ(stats.at("state"), "healthy");
  const json::value& endpoint = stats.at("endpoints").at(0);
  EXPECT_EQ(endpoint.at("state"), "healthy");
  EXPECT_EQ(endpoint.at("requests").to_number<int>(), 1);
}

TEST(HttpEndpoints, GetNoPayloadOverTheirLimit) {
  FlakyUpstream upstream({}, 1, 1);
  const DaemonProcess daemon(tiny_config({}, target_at(upstream.port(), "    limits: {max_request: 1KiB}\n"), "up"));
  const auto line = [](std::size_t bytes) {
    return R"({"id":1,"embedding":[0,1,0,0],"payload":")" + std::string(bytes - 2, 'x') + "\"}";
  };
  EXPECT_TRUE(ask(daemon.port(), line(1'024)).at("ok").as_bool());
  const json::value refused = ask(daemon.port(), line(1'025)).at("error");
  EXPECT_EQ(refused.at("code"), "too_large");
  EXPECT_FALSE(refused.at("sent").as_bool());
  EXPECT_FALSE(refused.at("retryable").as_bool()) << "it would be too large again";
}

TEST(HttpEndpoints, ReadTheirSecretsAgainAtAReload) {
  FaultServer upstream([](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send("HTTP/1.1 204 No Content\r\n\r\n")) {
    }
  });
  const TemporaryFolder secrets;
  const std::string token = secrets.path() + "/token";
  const auto write = [&](const std::string& text) {
    secrets.write("token", text);
    ::chmod(token.c_str(), 0600);
  };
  write("Bearer first\n");
  const DaemonProcess daemon(
      tiny_config({}, target_at(upstream.port(), "    header_files: {Authorization: " + token + "}\n"), "up"));
  const auto reload = [&] { return ask(daemon.port(), R"({"id":1,"op":"reload"})"); };
  const auto connections_after_asking = [&] {
    EXPECT_TRUE(ask(daemon.port(), kAsk).at("ok").as_bool());
    return upstream.connections();
  };
  // All workers, so that what is kept is seen.
  for (int i = 0; i < 4; ++i) connections_after_asking();
  EXPECT_THAT(upstream.requests().back(), HasSubstr("\r\nAuthorization: Bearer first\r\n"));
  const std::size_t before = upstream.connections();
  EXPECT_TRUE(reload().at("ok").as_bool());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(connections_after_asking(), before) << "an equal target keeps its connections";

  write("Bearer second\n");
  EXPECT_TRUE(reload().at("ok").as_bool());
  for (int i = 0; i < 4; ++i) connections_after_asking();
  EXPECT_THAT(upstream.requests().back(), HasSubstr("\r\nAuthorization: Bearer second\r\n"));

  ::chmod(token.c_str(), 0644);
  const json::value refused = reload();
  EXPECT_FALSE(refused.at("ok").as_bool());
  EXPECT_THAT(std::string(refused.at("error").at("message").as_string()),
              HasSubstr("can be read or written by others"));
  for (int i = 0; i < 4; ++i) connections_after_asking();
  EXPECT_THAT(upstream.requests().back(), HasSubstr("\r\nAuthorization: Bearer second\r\n"));
  EXPECT_THAT(daemon.log(), testing::Not(HasSubstr("Bearer")));
}

TEST(HttpEndpoints, AReloadThatChangesATargetKeepsWhatIsKnownOfItsEndpoints) {
  FlakyUpstream upstream({}, 1, 1);
  const std::uint16_t dead = BoundSocket().port();
  const auto config = [&](const std::string& timeout) {
    const auto url = [](std::uint16_t port) { return "{url: \"http://127.0.0.1:" + std::to_string(port) + "/\"}"; };
    return tiny_config({},
                       "  - name: up\n    kind: http\n    timeout: " + timeout + "\n    endpoints: [" +
                           url(upstream.port()) + ", " + url(dead) +
                           "]\n    ejection: {consecutive_failures: 1, base_time: 1h}\n",
                       "up");
  };
  const DaemonProcess daemon(config("60s"));
  const auto endpoint = [&](std::size_t i) {
    return ask(daemon.port(), R"({"id":1,"op":"stats"})").at("targets").at("up").at("endpoints").at(i);
  };
  const auto requests = [&](std::size_t i) { return endpoint(i).at("requests").to_number<int>(); };
  int asked = 0;
  for (; endpoint(1).at("state") != "ejected" && asked < 1'000; ++asked)
    EXPECT_TRUE(ask(daemon.port(), kAsk).at("ok").as_bool());
  ASSERT_EQ(endpoint(1).at("state"), "ejected");
  EXPECT_EQ(requests(0), asked);
  EXPECT_EQ(requests(1), 1);

  daemon.rewrite(config("59s"));
  EXPECT_TRUE(ask(daemon.port(), R"({"id":1,"op":"reload"})").at("ok").as_bool());
  EXPECT_EQ(endpoint(1).at("state"), "ejected");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask(daemon.port(), kAsk).at("ok").as_bool());
  EXPECT_EQ(requests(0), asked + 20) << "it goes on";
  EXPECT_EQ(requests(1), 1) << "known to be dead";
  EXPECT_EQ(endpoint(1).at("failures").at("connect"), 1);
}

std::size_t status_kib(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) != 0) continue;
    std::istringstream number(line.substr(name.size() + 1));
    std::size_t kib = 0;
    number >> kib;
    return kib;
  }
  return 0;
}

// The second of two streams, so that what a first one makes the process reserve for good is not counted.
TEST(HttpEndpoints, AStreamOf100MiBIsNotKept) {
  constexpr std::size_t kBytes = std::size_t{100} << 20;
  const PeerProgram server(
      nginx("root @FOLDER@; location /a { error_page 405 =200 $uri; types {} default_type text/plain; }",
            {{"a", std::string(kBytes, 'x')}}));
  const DaemonProcess daemon(tiny_config({}, target_at(server.port(), ""), "up"));
  const auto stream = [&] {
    RawClient client(daemon.port());
    client.send(R"({"id":1,"embedding":[0,1,0,0],"payload":1,"stream":true})"
                "\n");
    std::size_t bytes = 0;
    for (;;) {
      const auto line = client.read_line();
      if (!line) return bytes;
      if (line->find(R"("done":true)") != std::string::npos) return bytes;
      const std::size_t at = line->find(R"("chunk":")");
      if (at != std::string::npos) bytes += line->size() - at - std::string_view(R"("chunk":""})").size();
    }
  };
  EXPECT_EQ(stream(), kBytes);
  const std::size_t before = status_kib(daemon.pid(), "VmHWM");
  EXPECT_EQ(stream(), kBytes);
  ASSERT_GT(before, 0U);
  // A sanitizer's own memory grows as it likes.
  if (!runs_slowly()) {
    EXPECT_LT(status_kib(daemon.pid(), "VmHWM"), before + 1'024);
  }
}

}  // namespace
}  // namespace semroute::test
