// Replies that are handed over as they come: pieces in order, nothing held back or piled up, and every end told.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include <boost/asio/post.hpp>

#include "tests/plugins/http/collector.h"
#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;

using HttpStreaming = HttpFixture;

constexpr std::string_view kEventHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

TEST_F(HttpStreaming, PiecesComeAsTheyAreSent) {
  std::atomic<int> go = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      connection.send(kEventHead);
      for (int i = 1; i <= 3; ++i) {
        while (go < i) std::this_thread::sleep_for(milliseconds(1));
        connection.send(chunk("data: " + std::to_string(i) + "\n\n"));
      }
      connection.send("0\r\n\r\n");
    }
  });
  open(server.port());
  for (int round = 0; round < 2; ++round) {
    go = 0;
    const auto sink = std::make_shared<Collector>();
    Sent& sent = dispatch(request(), sink);
    ASSERT_TRUE(run_until([&] { return sink->heads == 1; }));
    EXPECT_EQ(sink->status, 200);
    EXPECT_EQ(sink->content_type, "text/event-stream");
    std::string expected;
    for (int i = 1; i <= 3; ++i) {
      go = i;
      expected += "data: " + std::to_string(i) + "\n\n";
      ASSERT_TRUE(run_until([&] { return sink->body == expected; })) << sink->body;
    }
    expect_reply(finish(sent), 200, "");
    ASSERT_NE(sent.call, nullptr);
    EXPECT_EQ(sink.use_count(), 1) << "the sink may hold the call, which must let it go";
  }
  EXPECT_EQ(server.connections(), 1U);  // used again after a streamed reply, too
}

TEST_F(HttpStreaming, EveryFramingIsHandedOver) {
  for (const bool until_close : {false, true}) {
    FaultServer server([&](FaultServer::Connection& connection) {
      connection.read_request();
      connection.send(std::string("HTTP/1.1 404 No\r\n") + (until_close ? "" : "Content-Length: 5\r\n") + "\r\nhello");
      if (!until_close) connection.wait_closed();
    });
    open(server.port(), {map_of("limits", {text_of("max_reply", "1KiB")})});
    const auto sink = std::make_shared<Collector>();
    expect_reply(finish(dispatch(request(), sink)), 404, "");
    EXPECT_EQ(sink->body, "hello");
    channel_.reset();
  }
}

// The target is held back by what the client takes: what lies in between is the sockets' and one buffer.
TEST_F(HttpStreaming, WhatIsNotTakenStaysWithTheTarget) {
  constexpr std::size_t kTotal = std::size_t{64} << 20;
  std::atomic<std::size_t> sent_bytes = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
    const std::string block(std::size_t{1} << 16, 'x');
    while (sent_bytes < kTotal && connection.send(block)) sent_bytes += block.size();
    connection.wait_closed();
  });
  open(server.port(), {text_of("stream_idle_timeout", "300ms")});
  const auto sink = std::make_shared<Collector>();
  sink->keeps = false;
  std::size_t allowed = 0;
  sink->on_bytes_do = [&] { return sink->total < allowed; };
  Sent& sent = dispatch(request(), sink);
  ASSERT_TRUE(run_until([&] { return sink->total > 0; }));
  // Longer than stream_idle_timeout: what the client does is not the target's fault.
  std::size_t before = 0;
  do {
    before = sent_bytes;
    io_.restart();
    io_.run_for(milliseconds(400));
  } while (sent_bytes != before);
  EXPECT_LE(sink->total, std::size_t{64} << 10);
  EXPECT_LT(sent_bytes, kTotal / 2);
  EXPECT_EQ(sent.completions, 0);
  while (allowed <= kTotal) {
    allowed += std::size_t{8} << 20;
    sent.call->resume();
    ASSERT_TRUE(run_until([&] { return sink->total >= std::min(allowed, kTotal); }));
  }
  expect_reply(finish(sent), 200, "");
  EXPECT_EQ(sink->total, kTotal);
  EXPECT_LE(sink->largest, std::size_t{64} << 10);
}

TEST_F(HttpStreaming, ResumeMayComeAtAnyTime) {
  FaultServer server(always(reply_of(std::string(200'000, 'x'))));
  open(server.port());
  const auto sink = std::make_shared<Collector>();
  Call* call = nullptr;
  int pieces = 0;
  // By turns: within on_bytes, after it, and twice.
  sink->on_bytes_do = [&] {
    switch (++pieces % 3) {
      case 0: call->resume(); return false;
      case 1: boost::asio::post(io_, [&] { call->resume(); }); return false;
      default: call->resume(); return true;
    }
  };
  Sent& sent = dispatch(request(), sink);
  call = sent.call.get();
  call->resume();
  expect_reply(finish(sent), 200, "");
  EXPECT_EQ(sink->body, std::string(200'000, 'x'));
  call->resume();
}

// 75
TEST_F(HttpStreaming, Fault75CancellingAStreamClosesItsConnection) {
  for (const char* where : {"in on_head", "in on_bytes", "while paused", "between"}) {
    FaultServer server([&](FaultServer::Connection& connection) {
      connection.read_request();
      connection.send(std::string(kEventHead) + chunk("data: 1\n\n"));
      connection.wait_closed();
    });
    open(server.port());
    const auto sink = std::make_shared<Collector>();
    Sent* sent = nullptr;
    if (where == std::string_view("in on_head")) sink->on_head_do = [&] { sent->call->cancel(); };
    if (where == std::string_view("in on_bytes")) {
      sink->on_bytes_do = [&] {
        sent->call->cancel();
        return true;
      };
    }
    if (where == std::string_view("while paused")) sink->on_bytes_do = [] { return false; };
    sent = &dispatch(request(), sink);
    ASSERT_TRUE(run_until([&] { return sent->completions > 0 || sink->total > 0; }));
    sent->call->cancel();
    expect_error(finish(*sent), ErrorCode::cancelled, true);
    EXPECT_TRUE(server.wait_for_closed_by_client(1)) << where;
    channel_.reset();
  }
}

TEST_F(HttpStreaming, AnEndThatComesTooEarlyIsToldAndNotTriedAgain) {
  struct Case {
    std::string sent;
    bool is_held;
    ErrorCode code;
  };
  const Case cases[] = {
      {std::string(kEventHead) + chunk("a"), false, ErrorCode::upstream_error},
      {std::string(kEventHead) + chunk("a") + "nonsense\r\n", true, ErrorCode::upstream_error},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false, ErrorCode::upstream_error},
      {std::string(kEventHead) + chunk("a"), true, ErrorCode::upstream_timeout},  // stream_idle_timeout
  };
  for (const Case& c : cases) {
    FaultServer server([&](FaultServer::Connection& connection) {
      connection.read_request();
      connection.send(c.sent);
      if (c.is_held) connection.wait_closed();
    });
    open(server.port(),
         {{"idempotent", {}, scalar(true)},
          text_of("stream_idle_timeout", "200ms"),
          {"retry_on",
           {},
           scalar(config::Value::List{scalar(std::string("reset")), scalar(std::string("per_try_timeout"))})}});
    const auto sink = std::make_shared<Collector>();
    const DispatchOutcome outcome = finish(dispatch(request(), sink));
    expect_error(outcome, c.code, true);
    EXPECT_EQ(sink->body, "a");
    EXPECT_EQ(outcome.attempts.size(), 1U);
    EXPECT_EQ(server.requests().size(), 1U);
    channel_.reset();
  }
}

TEST_F(HttpStreaming, BeforeTheHeadItIsTriedAgain) {
  std::atomic<int> served = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      if (++served == 1) return connection.reset_on_close();
      connection.send(served == 2 ? "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy" : reply_of("1"));
    }
  });
  open(server.port(),
       {{"idempotent", {}, scalar(true)},
        number_of("retries", 5),
        {"retry_on", {}, scalar(config::Value::List{scalar(std::string("reset")), scalar(std::int64_t{503})})}});
  const auto sink = std::make_shared<Collector>();
  const DispatchOutcome outcome = finish(dispatch(request(), sink));
  expect_reply(outcome, 200, "");
  EXPECT_EQ(sink->heads, 1);
  EXPECT_EQ(sink->body, "1");
  ASSERT_EQ(outcome.attempts.size(), 3U);
  EXPECT_EQ(outcome.attempts[1].outcome, "503");
}

TEST_F(HttpStreaming, TheTimeOutIsOverWithTheHead) {
  std::atomic<bool> go = false;
  FaultServer server([&](FaultServer::Connection& connection) {
    connection.read_request();
    connection.send(kEventHead);
    while (!go) std::this_thread::sleep_for(milliseconds(1));
    connection.send("0\r\n\r\n");
  });
  // Long enough for this machine to get a head.
  milliseconds timeout{100};
  Sent* sent = nullptr;
  for (std::shared_ptr<Collector> sink; sink == nullptr || sink->heads == 0; timeout *= 2) {
    open(server.port(), {text_of("timeout", std::to_string(timeout.count()) + "ms")});
    sink = std::make_shared<Collector>();
    sent = &dispatch(request(), sink);
    ASSERT_TRUE(run_until([&] { return sink->heads > 0 || sent->completions > 0; }));
  }
  io_.restart();
  io_.run_for(timeout * 2);
  EXPECT_EQ(sent->completions, 0);
  go = true;
  expect_reply(finish(*sent), 200, "");
}

}  // namespace
}  // namespace semroute::plugins::test
