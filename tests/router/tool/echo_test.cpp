#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <thread>

#include "router/tool/echo_server.h"
#include "router/tool/limits.h"
#include "tests/support/places.h"

namespace semroute::router::tool {
namespace {

namespace asio = boost::asio;

// A raw HTTP client: bytes out, bytes in.
class RawHttp {
 public:
  explicit RawHttp(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // Head and body of one reply with a Content-Length.
  std::string reply() {
    std::string text;
    while (true) {
      const auto head = text.find("\r\n\r\n");
      const auto length = text.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos) {
        const std::size_t whole = head + 4 + std::stoul(text.substr(length + 16));
        if (text.size() >= whole) return text.substr(0, whole);
      }
      if (!more(text)) return text;
    }
  }
  bool ended() {
    std::string rest;
    return !more(rest);
  }

 private:
  bool more(std::string& text) {
    char chunk[4096];
    boost::system::error_code problem;
    const std::size_t count = socket_.read_some(asio::buffer(chunk), problem);
    text.append(chunk, count);
    return !problem;
  }
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
};

class Echo : public testing::Test {
 protected:
  void start(EchoRules rules = {}) {
    auto listening =
        EchoServer::listen({"127.0.0.1", 0}, rules, [this](const EchoedRequest& got) { paths_.push_back(got.path); });
    ASSERT_TRUE(listening.ok()) << listening.error().message;
    server_ = std::move(listening).value();
    thread_ = std::thread([this] { server_->run({}); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }
  void TearDown() override { stop(); }

  std::vector<std::string> paths_;  // read after stop()
  std::unique_ptr<EchoServer> server_;
  std::thread thread_;
};

TEST_F(Echo, RepliesWithWhatItGotAndKeepsTheConnection) {
  start();
  RawHttp http(server_->address().port);
  http.send(
      "POST /billing HTTP/1.1\r\nHost: x\r\nX-Semroute-Route: caf%C3%A9\r\nAccept: */*\r\nTraceParent: 00-a-b-01\r\n"
      "Content-Length: 13\r\n\r\n"
      "{\"text\":\"hi\"}");
  const std::string first = http.reply();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\n")) << first;
  EXPECT_TRUE(first.ends_with(R"({"method":"POST","path":"/billing","headers":{"x-semroute-route":"caf%C3%A9",)"
                              R"("traceparent":"00-a-b-01"},"body_bytes":13,"body":{"text":"hi"}})"))
      << first;
  http.send("GET /again HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(http.reply().ends_with(R"("body_bytes":0,"body":null})"));
  EXPECT_TRUE(http.ended());
  stop();
  EXPECT_EQ(paths_, (std::vector<std::string>{"/billing", "/again"}));
}

TEST_F(Echo, StatusIsAsAsked) {
  start({503, std::chrono::milliseconds{5}});
  RawHttp http(server_->address().port);
  http.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(http.reply().starts_with("HTTP/1.1 503 "));
}

TEST_F(Echo, ABodyOverTheBoundIsRefused) {
  start();
  RawHttp http(server_->address().port);
  http.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kEchoMaxBodyBytes + 1) + "\r\n\r\n");
  EXPECT_TRUE(http.reply().starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(http.ended());
}

TEST_F(Echo, WhatIsNoHttpIsRefused) {
  start();
  RawHttp http(server_->address().port);
  http.send("{\"op\":\"ping\"}\r\n\r\n");
  EXPECT_TRUE(http.reply().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(http.ended());
}

TEST_F(Echo, AnAddressInUseIsSaid) {
  start();
  const auto second = EchoServer::listen(server_->address(), {}, [](const EchoedRequest&) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, core::ErrorCode::unavailable);
  EXPECT_NE(second.error().message.find(to_string(server_->address())), std::string::npos);
}

TEST(EchoJson, BodiesOfEveryKind) {
  const auto body_of = [](std::string body) {
    const std::string json = echo_json({"POST", "/", {}, std::move(body)});
    return json.substr(json.find("\"body\":") + 7);
  };
  EXPECT_EQ(body_of("[1, 2]"), "[1, 2]}");
  EXPECT_EQ(body_of("plain \"text\""), "\"plain \\\"text\\\"\"}");
  EXPECT_EQ(body_of("\xff\xfe"), "null}");
  EXPECT_EQ(body_of(""), "null}");
}

// The program: prints where it listens, one line a request, and ends with 0 on SIGTERM.
TEST(EchoProgram, ServesAndEnds) {
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  const std::string tool = semroute::test::tool_path();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    close(out[1]);
    execl(tool.c_str(), "semroute", "echo", "--listen", "127.0.0.1:0", nullptr);
    _exit(127);
  }
  close(out[1]);
  FILE* lines = fdopen(out[0], "r");
  char line[512] = {};
  unsigned port = 0;
  ASSERT_NE(fgets(line, sizeof line, lines), nullptr);
  ASSERT_EQ(sscanf(line, "listening on 127.0.0.1:%u", &port), 1) << line;
  RawHttp http(static_cast<std::uint16_t>(port));
  http.send("POST /x HTTP/1.1\r\nHost: x\r\nX-Request-Id: r1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(http.reply().ends_with("\"body\":\"hi\"}"));
  ASSERT_NE(fgets(line, sizeof line, lines), nullptr);
  EXPECT_STREQ(line, "POST \"/x\" 2 bytes x-request-id=\"r1\"\n");
  EXPECT_EQ(kill(child, SIGTERM), 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fclose(lines);
}

}  // namespace
}  // namespace semroute::router::tool
