// The admin server with answers of the test's own: the daemon's states that do not last.
#include "router/admin/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <thread>

namespace semroute::router {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;

std::string get(const config::Address& address, const std::string& path) {
  asio::io_context io;
  asio::ip::tcp::socket client(io);
  client.connect({asio::ip::make_address(address.host), address.port});
  asio::write(client, asio::buffer("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  std::string reply;
  boost::system::error_code ec;
  asio::read(client, asio::dynamic_buffer(reply), ec);
  return reply;
}

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

}  // namespace
}  // namespace semroute::router
