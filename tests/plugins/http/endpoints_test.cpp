// What is shared by all workers of a target: health, ejection, limits and the breaker, names and denied networks.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "plugins/targets/connection_pool.h"
#include "plugins/targets/http/channel.h"
#include "plugins/targets/http/upstream.h"
#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;
using testing::HasSubstr;

using HttpEndpoints = HttpFixture;

config::Member in_turn() { return text_of("balance", "round_robin"); }
config::Member ejected_after(std::int64_t failures, std::string base_time, std::int64_t max_percent = 50) {
  return map_of("ejection", {number_of("consecutive_failures", failures), text_of("base_time", std::move(base_time)),
                             number_of("max_percent", max_percent)});
}

// 72
TEST_F(HttpEndpoints, Fault72AFlappingEndpointIsEjectedAndComesBackByOneProbe) {
  std::atomic<bool> is_well = false;
  std::atomic<bool> is_held = false;
  FaultServer flapping([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      while (is_held) std::this_thread::sleep_for(milliseconds(1));
      if (!is_well) return connection.reset_on_close();
      connection.send(reply_of("1"));
    }
  });
  open(flapping.port(), {ejected_after(2, "1h")});
  for (int i = 0; i < 2; ++i) expect_error(exchange(), ErrorCode::upstream_error, true);
  EXPECT_EQ(target_->stats().endpoints[0].state, "ejected");
  EXPECT_EQ(target_->stats().state, "unavailable");
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
  EXPECT_EQ(flapping.requests().size(), 2U);

  open(flapping.port(), {ejected_after(2, "100ms")});
  for (int i = 0; i < 2; ++i) expect_error(exchange(), ErrorCode::upstream_error, true);
  // Its time is over, but not its trouble: one probe, and nothing beside it, then out again.
  ASSERT_TRUE(run_until([&] { return target_->stats().state == "healthy"; }));
  is_held = true;
  Sent& probe = dispatch(request());
  ASSERT_TRUE(run_until([&] { return flapping.requests().size() == 5; }));
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
  EXPECT_EQ(flapping.requests().size(), 5U);
  is_held = false;
  expect_error(finish(probe), ErrorCode::upstream_error, true);
  EXPECT_EQ(target_->stats().endpoints[0].state, "ejected");

  is_well = true;
  ASSERT_TRUE(run_until([&] { return target_->stats().state == "healthy"; }));
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 200, "1");
  EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
}

TEST_F(HttpEndpoints, AProbeThatIsCancelledLetsAnotherGo) {
  std::atomic<int> served = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      if (++served == 1) return connection.reset_on_close();
      if (served == 2) return connection.wait_closed();
      connection.send(reply_of("1"));
    }
  });
  open(server.port(), {ejected_after(1, "50ms")});
  expect_error(exchange(), ErrorCode::upstream_error, true);
  ASSERT_TRUE(run_until([&] { return target_->stats().state == "healthy"; }));
  Sent& probe = dispatch(request());
  ASSERT_TRUE(run_until([&] { return server.requests().size() == 2; }));
  probe.call->cancel();
  expect_reply(exchange(), 200, "1");
  EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
}

TEST_F(HttpEndpoints, NoMoreAreEjectedThanTheShareThatMay) {
  FaultServer bad([](FaultServer::Connection& connection) {
    connection.read_request();
    connection.reset_on_close();
  });
  const auto ejected = [&] {
    std::size_t count = 0;
    for (const EndpointStats& endpoint : target_->stats().endpoints) count += endpoint.state == "ejected" ? 1 : 0;
    return count;
  };
  for (const auto& [percent, most] : {std::pair{50, 2U}, {0, 1U}, {100, 4U}, {49, 1U}}) {
    open({bad.port(), bad.port(), bad.port(), bad.port()}, {in_turn(), ejected_after(1, "1h", percent)});
    for (int i = 0; i < 20; ++i) exchange();
    EXPECT_EQ(ejected(), most) << percent;
  }
}

TEST_F(HttpEndpoints, WhatSaysNothingAboutTheEndpointDoesNotEjectIt) {
  FaultServer slow([](FaultServer::Connection& connection) { connection.wait_closed(); });
  open(slow.port(), {ejected_after(1, "1h")});
  const auto outcome = until_sent([&](milliseconds timeout) {
    DispatchRequest hurried = request();
    hurried.deadline = Clock::now() + timeout;
    return exchange(std::move(hurried));
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  Sent& sent = dispatch(request());
  sent.call->cancel();
  FaultServer refusing(always("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
  open(refusing.port(), {ejected_after(1, "1h")});
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 500, "");
  EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
  FaultServer gateway(always("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"));
  open(gateway.port(), {ejected_after(1, "1h")});
  expect_reply(exchange(), 502, "");
  EXPECT_EQ(target_->stats().endpoints[0].state, "ejected");
}

config::Member checked(const std::string& interval = "20ms") {
  return map_of("health", {text_of("path", "/healthz?a=b"), text_of("interval", interval), text_of("timeout", "30s"),
                           number_of("unhealthy_after", 2), number_of("healthy_after", 3)});
}

TEST_F(HttpEndpoints, HealthChecksTakeAnEndpointOutAndBackIn) {
  std::atomic<bool> is_well = true;
  std::atomic<int> checks = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      ++checks;
      connection.send(is_well ? "HTTP/1.1 204 Well\r\n\r\n" : "HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n");
    }
  });
  open(server.port(), {checked(), map_of("headers", {text_of("Authorization", "me")})});
  const auto state = [&] { return target_->stats().endpoints[0].state; };
  target_->start(io_);
  ASSERT_TRUE(run_until([&] { return checks >= 2; }));
  EXPECT_EQ(state(), "healthy");
  const std::string check = server.requests().front();
  EXPECT_THAT(check, testing::StartsWith("GET /healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(check, HasSubstr("\r\nAuthorization: me\r\n"));
  is_well = false;
  ASSERT_TRUE(run_until([&] { return state() == "unhealthy"; }));
  EXPECT_EQ(target_->stats().state, "unavailable");
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
  is_well = true;
  ASSERT_TRUE(run_until([&] { return state() == "healthy"; }));
  expect_reply(exchange(), 204, "");
  target_->stop();
  io_.restart();
  io_.poll();
  const int before = checks;
  io_.run_for(milliseconds(100));
  EXPECT_EQ(checks, before);
}

TEST_F(HttpEndpoints, AnEndpointThatIsNotThereIsUnhealthyAndComesBack) {
  auto server = std::make_unique<FaultServer>(always(reply_of("1")));
  const std::uint16_t port = server->port();
  open(port, {checked(), ejected_after(1, "1h")});
  target_->start(io_);
  expect_reply(exchange(), 200, "1");
  server.reset();
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints[0].state == "unhealthy"; }));
  server = std::make_unique<FaultServer>(always(reply_of("2")), port);
  ASSERT_TRUE(run_until([&] { return target_->stats().state == "healthy"; }));
  expect_reply(exchange(), 200, "2");
  target_->stop();
}

TEST_F(HttpEndpoints, PassedChecksEndAnEjection) {
  std::atomic<bool> is_well = false;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      connection.send(is_well ? reply_of("1") : "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    }
  });
  open(server.port(), {checked(), ejected_after(1, "1h")});
  expect_reply(exchange(), 503, "");
  ASSERT_EQ(target_->stats().endpoints[0].state, "ejected");
  is_well = true;
  target_->start(io_);
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints[0].state == "healthy"; }));
  // healthy_after of them, no fewer.
  EXPECT_GE(server.requests().size(), 1U + 3U);
  expect_reply(exchange(), 200, "1");
  target_->stop();
}

void hang(FaultServer::Connection& connection) { connection.wait_closed(); }

// 81
TEST_F(HttpEndpoints, Fault81TheBreakerOpensAtItsLimits) {
  FaultServer server(hang);
  const auto limits = [](std::int64_t connections, std::int64_t pending, std::int64_t requests) {
    return map_of("limits", {number_of("connections", connections), number_of("pending", pending),
                             number_of("requests", requests)});
  };
  open(server.port(), {limits(2, 3, 100)});
  for (int i = 0; i < 4; ++i) dispatch(request());
  EXPECT_EQ(target_->stats().state, "healthy");
  EXPECT_EQ(target_->stats().pending, 2U);
  dispatch(request());
  EXPECT_EQ(target_->stats().state, "breaker_open");
  Sent& over = dispatch(request());
  EXPECT_EQ(over.call, nullptr);
  expect_error(*over.outcome, ErrorCode::overloaded, false);
  open(server.port(), {limits(100, 3, 2)});
  for (int i = 0; i < 2; ++i) EXPECT_NE(dispatch(request()).call, nullptr);
  EXPECT_EQ(target_->stats().state, "breaker_open");
  expect_error(*dispatch(request()).outcome, ErrorCode::overloaded, false);
  sent_[sent_.size() - 2].call->cancel();
  EXPECT_EQ(target_->stats().state, "healthy");
  EXPECT_NE(dispatch(request()).call, nullptr);
}

// Two workers, each on a loop of its own in this thread.
TEST_F(HttpEndpoints, AWorkerThatHoldsAllConnectionsGivesSomeUp) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {map_of("limits", {number_of("connections", 4)})});
  for (int i = 0; i < 4; ++i) dispatch(request());
  for (Sent& sent : sent_) expect_reply(finish(sent), 200, "1");
  EXPECT_EQ(server.connections(), 4U);

  std::unique_ptr<Channel> other = target_->open(io_);
  std::swap(channel_, other);
  for (int i = 0; i < 8; ++i) dispatch(request());
  for (std::size_t i = 4; i < 12; ++i) expect_reply(finish(sent_[i]), 200, "1");
  EXPECT_EQ(target_->stats().pending, 0U);
  channel_.reset();
}

TEST_F(HttpEndpoints, ABusyWorkerLeavesAnotherItsShare) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {map_of("limits", {number_of("connections", 2), number_of("pending", 1'000)})});
  bool other_done = false;
  std::size_t completed = 0;
  std::vector<std::shared_ptr<Call>> calls;
  const Completion again = [&](const DispatchOutcome& outcome) {
    EXPECT_TRUE(outcome.reply.ok());
    ++completed;
    if (other_done) return;
    calls.push_back(channel_->dispatch(std::make_shared<DispatchRequest>(request()), nullptr, again));
  };
  for (int i = 0; i < 20; ++i) {
    calls.push_back(channel_->dispatch(std::make_shared<DispatchRequest>(request()), nullptr, again));
  }
  const std::unique_ptr<Channel> other = target_->open(io_);
  const auto call = other->dispatch(std::make_shared<DispatchRequest>(request()), nullptr,
                                    [&](const DispatchOutcome& outcome) { other_done = outcome.reply.ok(); });
  EXPECT_TRUE(run_until([&] { return other_done; }));
  EXPECT_TRUE(run_until([&] { return target_->stats().endpoints[0].in_flight == 0; }));
}

config::Member limits(std::int64_t connections, std::int64_t pending) {
  return map_of("limits", {number_of("connections", connections), number_of("pending", pending)});
}

TEST_F(HttpEndpoints, WhatAnotherWorkerHoldsIdleIsHandedOverThoughNoneMayWait) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {limits(1, 0)});
  const std::unique_ptr<Channel> other = target_->open(io_);
  for (int i = 0; i < 3; ++i) {
    expect_reply(exchange(), 200, "1");
    EXPECT_EQ(target_->stats().state, "healthy");
    expect_reply(finish(dispatch_to(*other, request())), 200, "1");
    EXPECT_EQ(target_->stats().state, "healthy");
  }
  EXPECT_EQ(server.connections(), 6U);
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(HttpEndpoints, AsManyWaitAsMayBesideThoseForWhomThereIsAnIdleOne) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {limits(2, 1)});
  for (int i = 0; i < 2; ++i) dispatch(request());
  for (Sent& sent : sent_) expect_reply(finish(sent), 200, "1");
  const std::unique_ptr<Channel> other = target_->open(io_);
  for (int i = 0; i < 3; ++i) dispatch_to(*other, request());
  expect_error(finish(dispatch_to(*other, request())), ErrorCode::overloaded, false);
  for (std::size_t i = 2; i < 5; ++i) expect_reply(finish(sent_[i]), 200, "1");
}

// The first takes the idle one, and is the only one to; the second is then one of those who may wait.
TEST_F(HttpEndpoints, WhoMayWaitDoesSoThoughAHandoverDoesNotCome) {
  std::atomic<bool> is_held = false;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      while (is_held) std::this_thread::sleep_for(milliseconds(1));
      connection.send(reply_of("1"));
    }
  });
  open(server.port(), {limits(1, 1)});
  expect_reply(exchange(), 200, "1");
  is_held = true;
  const std::unique_ptr<Channel> other = target_->open(io_);
  Sent& first = dispatch_to(*other, request());
  Sent& second = dispatch_to(*other, request());
  io_.restart();
  io_.run_for(kHandoverPatience + milliseconds(100));
  EXPECT_FALSE(second.outcome);
  is_held = false;
  expect_reply(finish(first), 200, "1");
  expect_reply(finish(second), 200, "1");
}

// The other worker does not come to it: that is not waited for until the deadline.
TEST_F(HttpEndpoints, AHandoverThatDoesNotComeIsGivenUp) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {limits(1, 0)});
  boost::asio::io_context busy;
  const std::unique_ptr<Channel> other = target_->open(busy);
  Sent& first = dispatch_to(*other, request());
  while (!first.outcome) busy.run_one();
  first.call = nullptr;  // before its loop goes
  const auto outcome = exchange();
  expect_error(outcome, ErrorCode::overloaded, false);
  EXPECT_THAT(outcome.reply.error().message, HasSubstr("limits.pending"));
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(HttpEndpoints, AConnectionInUseElsewhereIsWaitedForOnlyByThoseWhoMay) {
  FaultServer server(hang);
  open(server.port(), {limits(1, 0)});
  const std::unique_ptr<Channel> other = target_->open(io_);
  dispatch(request());
  EXPECT_EQ(target_->stats().state, "breaker_open");
  Sent& refused = dispatch_to(*other, request());
  EXPECT_EQ(refused.call, nullptr);
  expect_error(*refused.outcome, ErrorCode::overloaded, false);
}

// 70
TEST_F(HttpEndpoints, Fault70ADeniedNetworkIsForbiddenWhateverTheNameResolvesTo) {
  FaultServer server(always(reply_of("1")));
  const auto deny = [](std::vector<std::string> networks) {
    config::Value::List list;
    for (std::string& network : networks) list.push_back(scalar(std::move(network)));
    return config::Member{"deny_networks", {}, scalar(std::move(list))};
  };
  for (const char* host : {"127.0.0.1", "localhost"}) {
    open(server.port(), {deny({"127.0.0.0/8", "::1"})}, host);
    expect_error(exchange(), ErrorCode::forbidden, false);
    EXPECT_EQ(server.connections(), 0U);
    open(server.port(), {deny({"10.0.0.0/8"})}, host);
  }
  expect_reply(exchange(), 200, "1");
}

// A channel of an upstream whose names are looked up by `look_up`.
class LookedUp {
 public:
  LookedUp(boost::asio::io_context& io, HostAddresses::LookUp look_up, std::vector<std::string> hosts,
           std::uint16_t port)
      : upstream_(std::make_shared<HttpUpstream>(settings(std::move(hosts), port), look_up)),
        channel_(open_http_channel(io, upstream_)) {}

  Channel& channel() { return *channel_; }

 private:
  static HttpSettings settings(std::vector<std::string> hosts, std::uint16_t port) {
    HttpSettings settings;
    for (std::string& host : hosts) {
      settings.endpoints.push_back({parse_http_url("http://" + host + ':' + std::to_string(port) + "/").value(), 1});
    }
    settings.balance = HttpBalance::round_robin;
    settings.connect_timeout = milliseconds(1'000);
    return settings;
  }

  std::shared_ptr<HttpUpstream> upstream_;
  std::unique_ptr<Channel> channel_;
};

// 69
TEST_F(HttpEndpoints, Fault69AResolverThatHangsHoldsUpNobodyElse) {
  FaultServer server(always(reply_of("1")));
  std::promise<void> go;
  const auto look_up = [held = go.get_future().share()](const std::string& host,
                                                        std::uint16_t port) -> core::Result<HostAddresses::List> {
    if (host == "hangs") held.wait();
    return HostAddresses::List{{boost::asio::ip::make_address("127.0.0.1"), port}};
  };
  LookedUp alone(io_, look_up, {"hangs"}, server.port());
  const auto send = [this](Channel& channel) {
    Sent& sent = sent_.emplace_back();
    sent.call =
        channel.dispatch(std::make_shared<DispatchRequest>(request()), nullptr, [&sent](DispatchOutcome outcome) {
          ++sent.completions;
          sent.outcome = std::move(outcome);
        });
    return std::ref(sent);
  };
  Sent& waits = send(alone.channel());
  LookedUp both(io_, look_up, {"hangs", "works"}, server.port());
  for (int i = 0; i < 4; ++i) expect_reply(finish(send(both.channel())), 200, "1");
  expect_error(finish(waits), ErrorCode::upstream_unavailable, false);
  go.set_value();
}

TEST_F(HttpEndpoints, EveryAddressOfANameIsTried) {
  const BoundSocket nobody;
  std::atomic<int> look_ups = 0;
  FaultServer server(always(reply_of("1")));
  const auto look_up = [&](const std::string&, std::uint16_t port) -> core::Result<HostAddresses::List> {
    ++look_ups;
    // The first address has nobody, the second does.
    return HostAddresses::List{{boost::asio::ip::make_address("127.0.0.1"), nobody.port()},
                               {boost::asio::ip::make_address("127.0.0.1"), port}};
  };
  LookedUp target(io_, look_up, {"two"}, server.port());
  Sent& sent = sent_.emplace_back();
  sent.call = target.channel().dispatch(std::make_shared<DispatchRequest>(request()), nullptr,
                                        [&sent](DispatchOutcome outcome) {
                                          ++sent.completions;
                                          sent.outcome = std::move(outcome);
                                        });
  expect_reply(finish(sent), 200, "1");
  EXPECT_EQ(look_ups, 1);
}

}  // namespace
}  // namespace semroute::plugins::test
