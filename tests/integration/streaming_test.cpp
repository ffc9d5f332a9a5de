// Streamed replies of an http target, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>

#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/fault_server.h"
#include "tests/support/raw_client.h"
#include "tests/support/sanitizer.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string config_for(std::uint16_t port, const std::string& more = {}) {
  return "workers: 1\nindex: {dimension: 2}\ntargets:\n  - {name: api, kind: http, url: \"http://127.0.0.1:" +
         std::to_string(port) +
         "/\"}\n  - {name: spare, kind: static, reply: {from: spare}}\nroutes:\n"
         "  - {name: one, target: api, fallback_targets: [spare], references: {vectors: [[1, 0]]}}\n" +
         more;
}

constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx", bytes.size());
  return size + ("\r\n" + bytes) + "\r\n";
}

// Lets the test say when the server's script goes on.
class Steps {
 public:
  ~Steps() { allow(1'000); }
  void allow(int steps) {
    const std::lock_guard lock(mutex_);
    allowed_ += steps;
    changed_.notify_all();
  }
  void take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
};

constexpr const char* kAsk = R"({"id":1,"embedding":[1,0],"stream":true})"
                             "\n";

std::string route_frame() {
  const std::vector<float> embedding{1.0F, 0.0F};
  std::string frame;
  router::encode_client_frame({.op = router::Op::route, .values = embedding, .extras = R"({"stream":true})"}, frame);
  return frame;
}

TEST(Streaming, EventsArriveWhileTheTargetIsStillTalking) {
  Steps steps;
  FaultServer server([&steps](FaultServer::Connection& connection) {
    if (!connection.read_request()) return;
    (void)connection.send(kHead);
    for (int event = 1; event <= 3; ++event) {
      steps.take();
      (void)connection.send(chunk("data: " + std::to_string(event) + " ü\n\n"));
    }
    steps.take();
    (void)connection.send("0\r\n\r\n");
    connection.wait_closed();
  });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send(kAsk);
  const std::string head = client.read_line().value_or("");
  EXPECT_THAT(head, HasSubstr(R"("reply":{"status":200,"content_type":"text/event-stream"},"more":true)"));
  for (int event = 1; event <= 3; ++event) {
    steps.allow(1);
    EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"chunk":"data: )" + std::to_string(event) + R"( ü\n\n"})");
  }
  EXPECT_THAT(client.ask(R"({"id":2,"op":"ping"})"), HasSubstr("{\"id\":2,\"ok\":true")) << "between the chunks";
  steps.allow(1);
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"done":true})");
}

TEST(Streaming, ATargetThatBreaksOffEndsTheStreamWithAnError) {
  FaultServer server([](FaultServer::Connection& connection) {
    if (connection.read_request()) (void)connection.send(kHead + chunk("half"));
  });
  const DaemonProcess daemon(config_for(server.port()));
  RawClient client(daemon.port());
  client.send(kAsk);
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr("\"more\":true"));
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"chunk":"half"})");
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr(R"({"id":1,"done":true,"error":{"code":"upstream_error")"));
}

TEST(Streaming, ATargetThatIsDownIsFallenBackFromBeforeTheHead) {
  const DaemonProcess daemon(config_for(BoundSocket().port()));
  RawClient client(daemon.port());
  client.send(kAsk);
  const std::string head = client.read_line().value_or("");
  EXPECT_THAT(head, HasSubstr("\"target\":\"spare\""));
  EXPECT_THAT(head, HasSubstr("\"more\":true"));
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"chunk":"{\"from\":\"spare\"}"})");
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"done":true})");
}

TEST(Streaming, AClientThatLeavesEndsTheTargetsWork) {
  FaultServer server([](FaultServer::Connection& connection) {
    if (!connection.read_request()) return;
    (void)connection.send(kHead + chunk("first"));
    connection.wait_closed();
  });
  const DaemonProcess daemon(config_for(server.port()));
  {
    RawClient client(daemon.port());
    client.send(kAsk);
    EXPECT_THAT(client.read_line().value_or(""), HasSubstr("\"more\":true"));
    client.reset();
  }
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
}

TEST(Streaming, ADrainWaitsForTheEndOfAStream) {
  Steps steps;
  FaultServer server([&steps](FaultServer::Connection& connection) {
    if (!connection.read_request()) return;
    (void)connection.send(kHead);
    steps.take();
    (void)connection.send(chunk("last words") + "0\r\n\r\n");
    connection.wait_closed();
  });
  DaemonProcess daemon(config_for(server.port(), "drain: {timeout: 1h}\n"));
  RawClient client(daemon.port());
  client.send(kAsk);
  EXPECT_THAT(client.read_line().value_or(""), HasSubstr("\"more\":true"));
  daemon.signal(SIGTERM);
  EXPECT_TRUE(daemon.wait_for_log("draining"));
  steps.allow(1);
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"chunk":"last words"})");
  EXPECT_EQ(client.read_line().value_or(""), R"({"id":1,"done":true})");
  EXPECT_EQ(daemon.wait(60), 0);
}

std::size_t resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stoul(line.substr(6)) * 1024;
  return 0;
}

// The target has long sent what it can, the client reads nothing; then everything.
TEST(Streaming, AHundredMebibytesPassASlowClientInBoundedMemory) {
  constexpr std::size_t kBytes = std::size_t{100} << 20;
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  std::atomic<std::size_t> sent{0};
  FaultServer server([&sent](FaultServer::Connection& connection) {
    if (!connection.read_request()) return;
    (void)connection.send(kHead);
    const std::string piece = chunk(std::string(kPiece, 'x'));
    for (std::size_t bytes = 0; bytes < kBytes && connection.send(piece); bytes += kPiece) sent += kPiece;
    (void)connection.send("0\r\n\r\n");
    connection.wait_closed();
  });
  const DaemonProcess daemon(config_for(server.port(), "limits: {write_timeout: 1h}\n"));
  RawClient client(daemon.port());
  const std::size_t before = resident_bytes(daemon.pid());
  ASSERT_GT(before, 0U);
  client.send(route_frame());
  // Until nothing moves for a while; if it is taken for that too early, the bounds hold all the more.
  std::size_t seen = 0;
  int still = 0;
  EXPECT_TRUE(eventually([&] {
    still = sent == seen && sent > 0 ? still + 1 : 0;
    seen = sent;
    return still > 40;
  }));
  EXPECT_LT(sent, kBytes / 2) << "the target is made to wait";
  // AddressSanitizer keeps what was freed.
  const std::size_t most = SEMROUTE_ADDRESS_SANITIZED != 0 ? kBytes * 4 : before + (std::size_t{16} << 20);
  EXPECT_LT(resident_bytes(daemon.pid()), most);
  std::size_t got = 0;
  for (;;) {
    const auto frame = client.read_frame();
    ASSERT_TRUE(frame.has_value());
    const auto reply = router::decode_reply(*frame);
    ASSERT_TRUE(reply.ok() && !reply->error);
    if (!reply->more) break;
    got += reply->body.size();
  }
  EXPECT_EQ(got, kBytes);
  EXPECT_LT(resident_bytes(daemon.pid()), most);
}

}  // namespace
}  // namespace semroute::test
