// The admin server with answers of the test's own: the daemon's states that do not last.
#include "router/admin/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <thread>

namespace semroute::router {
namespace {

namespace asio = boost::asio;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// All that is answered to `bytes` until the server closes; nothing of it is lost to a reset.
std::string ask(const config::Address& address, const std::string& bytes) {
  asio::io_context io;
  asio::ip::tcp::socket client(io);
  client.connect({asio::ip::make_address(address.host), address.port});
  asio::write(client, asio::buffer(bytes));
  std::string reply;
  boost::system::error_code ec;
  asio::read(client, asio::dynamic_buffer(reply), ec);
  EXPECT_EQ(ec, asio::error::eof) << bytes.substr(0, 100);
  return reply;
}

std::string get(const config::Address& address, const std::string& path) {
  return ask(address, "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

// A server that is always ready, on a thread of its own.
class Serving {
 public:
  explicit Serving(std::chrono::milliseconds timeout = std::chrono::minutes{1})
      : server_(io_, {.not_ready = [] { return std::string(); }, .metrics = [] { return std::string("m 1\n"); }},
                timeout) {
    EXPECT_TRUE(server_.open({"127.0.0.1", 0}).ok());
    address_ = server_.address();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Serving() {
    io_.stop();
    thread_.join();
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  [[nodiscard]] const config::Address& address() const { return address_; }

 private:
  asio::io_context io_;
  AdminServer server_;
  config::Address address_;
  std::thread thread_;
};

constexpr const char* kClosing = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

TEST(AdminServer, ReadyzNamesWhatIsNotReady) {
  asio::io_context io;
  std::atomic<bool> ready{false};
  AdminServer server(io, {.not_ready = [&] { return std::string(ready ? "" : "loading"); },
                          .metrics = [] { return std::string("m 1\n"); }});
  ASSERT_TRUE(server.open({"127.0.0.1", 0}).ok());
  const auto address = server.address();
  std::thread serving([&] { io.run(); });
  const auto loading = get(address, "/readyz");
  EXPECT_THAT(loading, HasSubstr("HTTP/1.1 503"));
  EXPECT_THAT(loading, HasSubstr(R"({"ready":false,"not_ready":["loading"]})"));
  EXPECT_THAT(get(address, "/healthz"), HasSubstr("HTTP/1.1 200")) << "alive all the same";
  EXPECT_THAT(get(address, "/metrics"), HasSubstr("m 1\n"));
  ready = true;
  EXPECT_THAT(get(address, "/readyz"), HasSubstr("HTTP/1.1 200"));
  server.close();
  io.stop();
  serving.join();
}

TEST(AdminServer, WhatLeavesADoubtIsAnsweredAndClosed) {
  const Serving serving;
  // Were the connection kept, the request behind would be answered, too.
  EXPECT_THAT(ask(serving.address(),
                  "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" + std::string(kClosing)),
              AllOf(HasSubstr("HTTP/1.1 400"), Not(HasSubstr("HTTP/1.1 200"))));
  EXPECT_THAT(ask(serving.address(), "GET /healthz HTTP/1.1\r\n\r\n" + std::string(kClosing)),
              AllOf(HasSubstr("HTTP/1.1 400"), Not(HasSubstr("HTTP/1.1 200"))));
  EXPECT_THAT(ask(serving.address(), "{\"op\":\"ping\"}\n"), HasSubstr("HTTP/1.1 400"));
}

TEST(AdminServer, ABodyIsRefusedUnreadAndTheRefusalArrives) {
  const Serving serving;
  const std::string body(500'000, 'x');
  EXPECT_THAT(ask(serving.address(), "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + body),
              HasSubstr("HTTP/1.1 413"));
  EXPECT_THAT(
      ask(serving.address(), "GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"),
      HasSubstr("HTTP/1.1 413"));
}

TEST(AdminServer, AHeadThatIsTooLargeIsAnswered) {
  const Serving serving;
  EXPECT_THAT(ask(serving.address(), "GET /healthz HTTP/1.1\r\nHost: a\r\nA: " + std::string(200'000, 'b')),
              HasSubstr("HTTP/1.1 431"));
}

TEST(AdminServer, PathsOfTwoMeaningsAreRefusedAndTheConnectionIsKept) {
  const Serving serving;
  for (const char* path : {"/a/../healthz", "/..", "/%2fhealthz", "/healthz%00", "/%2E%2e/healthz"}) {
    EXPECT_THAT(ask(serving.address(), "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n" + kClosing),
                AllOf(HasSubstr("HTTP/1.1 400"), HasSubstr("HTTP/1.1 200")))
        << path;
  }
}

TEST(AdminServer, ARequestThatDoesNotArriveInTimeIsToldSo) {
  const Serving serving(std::chrono::milliseconds{50});
  EXPECT_THAT(ask(serving.address(), "GET /health"), HasSubstr("HTTP/1.1 408"));
  EXPECT_THAT(ask(serving.address(), "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
              HasSubstr("HTTP/1.1 408"));
  EXPECT_EQ(ask(serving.address(), ""), "") << "nothing was asked";
}

TEST(AdminServer, RequestsThatComeTogetherAreAllAnswered) {
  const Serving serving;
  const std::string answers =
      ask(serving.address(), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n" +
                                 std::string("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n") + kClosing);
  EXPECT_THAT(answers, AllOf(HasSubstr("m 1\n"), HasSubstr("HTTP/1.1 404"), HasSubstr("{\"ok\":true}")));
}

}  // namespace
}  // namespace semroute::router
