// Requests on their way to an HTTP target, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/held_server.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;

// Listens and never answers: connections wait in its backlog.
class SilentServer : public BoundSocket {
 public:
  SilentServer() {
    if (::listen(fd(), 64) != 0) ADD_FAILURE() << "cannot listen";
  }
};

std::string config_for(std::uint16_t port, const std::string& more = {}) {
  return "index: {dimension: 2}\ntargets:\n  - {name: api, kind: http, url: \"http://127.0.0.1:" +
         std::to_string(port) +
         "/in\", timeout: 60s}\nroutes:\n  - {name: one, target: api, references: {vectors: [[1, 0]]}}\n" + more;
}

TEST(Dispatch, Fault12AnIdInFlightIsRefusedAndCancelEndsTheFirst) {
  const SilentServer silent;
  const DaemonProcess daemon(config_for(silent.port()));
  RawClient client(daemon.port());
  client.send(R"({"id":"a","embedding":[1,0]})"
              "\n");
  EXPECT_THAT(client.ask(R"({"id":"a","op":"ping"})"), HasSubstr("already in flight"));
  client.send(R"({"id":"c","op":"cancel","request":"a"})"
              "\n");
  const auto both = client.read_line().value_or("") + client.read_line().value_or("");
  EXPECT_THAT(both, HasSubstr("\"code\":\"cancelled\""));
  EXPECT_THAT(both, HasSubstr("{\"id\":\"c\",\"ok\":true"));
  EXPECT_THAT(client.ask(R"({"id":"a","op":"ping"})"), HasSubstr("\"ok\":true"));
}

TEST(Dispatch, ReadingPausesAtTheInFlightCapAndAllAreAnswered) {
  HeldServer held;
  const DaemonProcess daemon(config_for(held.port(), "workers: 1\nlimits: {max_in_flight: 4}\n"));
  RawClient client(daemon.port());
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "{\"id\":" + std::to_string(i) + R"(,"embedding":[1,0]})" + "\n";
  client.send(lines);
  // The one worker takes as many of the lines as it may before it answers anybody else.
  RawClient watcher(daemon.port());
  std::string stats;
  EXPECT_TRUE(eventually([&] {
    stats = watcher.ask(R"({"id":1,"op":"stats"})");
    return stats.find("\"api\":{\"ok\":0,\"in_flight\":0") == std::string::npos;
  }));
  EXPECT_THAT(stats, HasSubstr("\"api\":{\"ok\":0,\"in_flight\":4"));
  held.answer();
  for (int i = 0; i < 20; ++i) {
    const auto line = client.read_line();
    ASSERT_TRUE(line) << i;
    EXPECT_THAT(*line, HasSubstr("\"dispatched\":true"));
  }
}

TEST(Dispatch, ARefusedConnectionIsRetryable) {
  std::uint16_t free_port = 0;
  { free_port = SilentServer().port(); }
  const DaemonProcess daemon(config_for(free_port));
  RawClient client(daemon.port());
  const auto reply = client.ask(R"({"id":1,"embedding":[1,0]})");
  EXPECT_THAT(reply, HasSubstr("\"code\":\"upstream_unavailable\""));
  EXPECT_THAT(reply, HasSubstr("\"retryable\":true"));
}

TEST(Dispatch, AClientThatResetsCancelsItsDispatches) {
  const SilentServer silent;
  const DaemonProcess daemon(config_for(silent.port()));
  RawClient client(daemon.port());
  client.send(R"({"id":1,"embedding":[1,0]})"
              "\n");
  RawClient watcher(daemon.port());
  const auto wait_for = [&](const std::string& text) {
    std::string stats;
    EXPECT_TRUE(eventually([&] {
      stats = watcher.ask(R"({"id":1,"op":"stats"})");
      return stats.find(text) != std::string::npos;
    })) << text;
    return stats;
  };
  EXPECT_THAT(wait_for("\"api\":{\"ok\":0,\"in_flight\":1"), HasSubstr("\"in_flight\":1"));
  client.reset();
  EXPECT_THAT(wait_for("\"cancelled\":1"), HasSubstr("\"api\":{\"ok\":0,\"in_flight\":0"));
}

TEST(Dispatch, AReloadDuringADispatchLosesNothing) {
  HeldServer held;
  const DaemonProcess daemon(config_for(held.port()));
  RawClient client(daemon.port());
  client.send(R"({"id":1,"embedding":[1,0]})"
              "\n");
  daemon.rewrite("index: {dimension: 2}\nroutes: [{name: two, references: {vectors: [[0, 1]]}}]\n");
  EXPECT_THAT(client.ask(R"({"id":2,"op":"reload"})"), HasSubstr("\"revision\":2"));
  held.answer();
  const auto first = client.read_line().value_or("");
  EXPECT_THAT(first, HasSubstr("\"id\":1"));
  EXPECT_THAT(first, HasSubstr("\"revision\":1"));
  EXPECT_THAT(first, HasSubstr("\"body\":{\"answer\":42}"));
}

TEST(Dispatch, DrainTimeoutCancelsWhatIsInFlight) {
  const SilentServer silent;
  DaemonProcess daemon(config_for(silent.port(), "drain: {timeout: 500ms}\n"));
  RawClient client(daemon.port());
  client.send(R"({"id":1,"embedding":[1,0]})"
              "\n");
  EXPECT_THAT(client.ask(R"({"id":2,"op":"ping"})"), HasSubstr("\"ok\":true"));
  daemon.signal(SIGTERM);
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr("\"code\":\"cancelled\""));
  EXPECT_EQ(daemon.wait(20), 0);
}

}  // namespace
}  // namespace semroute::test
