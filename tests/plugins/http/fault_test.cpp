// The http target against servers that misbehave (faults 62-69, 75, 81): one outcome each, of the right kind.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;

using HttpFault = HttpFixture;

config::Member max_reply(std::string text) { return map_of("limits", {text_of("max_reply", std::move(text))}); }

constexpr std::size_t kConnections = 16;
constexpr std::size_t kPending = 32;

config::Member bounds() {
  return map_of("limits", {number_of("connections", kConnections), number_of("pending", kPending)});
}

void hang(FaultServer::Connection& connection) { connection.wait_closed(); }

// A listening port whose accept queue is full: connecting hangs.
class StalledPort {
 public:
  StalledPort() {
    if (::listen(socket_.fd(), 0) != 0) std::abort();
    const sockaddr_in address = semroute::test::loopback(socket_.port());
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      ::connect(filler, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    }
  }
  StalledPort(const StalledPort&) = delete;
  StalledPort& operator=(const StalledPort&) = delete;
  ~StalledPort() {
    for (const int filler : fillers_) ::close(filler);
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }

 private:
  BoundSocket socket_;
  int fillers_[4] = {};
};

// 62
TEST_F(HttpFault, Fault62ARefusedConnectionIsUnavailable) {
  const BoundSocket nobody;
  open(nobody.port());
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
}

// 63
TEST_F(HttpFault, Fault63ATargetThatNeverAnswersTimesOut) {
  FaultServer server(hang);
  const auto outcome = until_sent([&](milliseconds timeout) {
    open(server.port(), {text_of("timeout", std::to_string(timeout.count()) + "ms")});
    return exchange();
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
}

TEST_F(HttpFault, TheRequestsOwnDeadlineCountsWhenItIsNearer) {
  FaultServer server(hang);
  open(server.port());
  const auto outcome = until_sent([&](milliseconds timeout) {
    DispatchRequest hurried = request();
    hurried.deadline = Clock::now() + timeout;
    return exchange(std::move(hurried));
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
}

TEST_F(HttpFault, ADeadlineBeforeSendingIsATimeout) {
  const StalledPort stalled;
  open(stalled.port());
  DispatchRequest hurried = request();
  hurried.deadline = Clock::now() + milliseconds(150);
  expect_error(exchange(std::move(hurried)), ErrorCode::timeout, false);

  DispatchRequest late = request();
  late.deadline = Clock::now();
  Sent& sent = dispatch(std::move(late));
  EXPECT_EQ(sent.call, nullptr);
  expect_error(finish(sent), ErrorCode::timeout, false);
}

TEST_F(HttpFault, ATargetThatCannotBeConnectedInTimeIsUnavailable) {
  const StalledPort stalled;
  open(stalled.port(), {text_of("connect_timeout", "150ms")});
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
}

// 64
TEST_F(HttpFault, Fault64AResetAfterTheRequestIsAnErrorAndNotRetried) {
  FaultServer server([](FaultServer::Connection& connection) {
    connection.read_request();
    connection.reset_on_close();
  });
  open(server.port());
  expect_error(exchange(), ErrorCode::upstream_error, true);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpFault, AResetOnAUsedConnectionIsNotRetriedOnceBytesWereSent) {
  FaultServer server([](FaultServer::Connection& connection) {
    if (connection.read_request()) connection.send(reply_of("1"));
    connection.read_request();
    connection.reset_on_close();
  });
  open(server.port());
  expect_reply(exchange(), 200, "1");
  expect_error(exchange(), ErrorCode::upstream_error, true);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(HttpFault, AConnectionClosedWithoutAReplyIsAnError) {
  FaultServer server([](FaultServer::Connection& connection) { connection.read_request(); });
  open(server.port());
  expect_error(exchange(), ErrorCode::upstream_error, true);
}

// 65
TEST_F(HttpFault, Fault65AStaleConnectionIsReplacedBeforeAnythingIsSent) {
  FaultServer server([](FaultServer::Connection& connection) {
    if (connection.read_request()) connection.send(reply_of("1"));
  });
  open(server.port());
  for (std::size_t i = 1; i <= 5; ++i) {
    expect_reply(exchange(), 200, "1");
    ASSERT_TRUE(server.wait_for_closed(i));
  }
  EXPECT_EQ(server.connections(), 5U);
  EXPECT_EQ(server.requests().size(), 5U);
}

TEST_F(HttpFault, BytesThatNobodyAskedForEndAnIdleConnection) {
  std::atomic<int> told = 0;
  FaultServer server([&](FaultServer::Connection& connection) {
    if (!connection.read_request()) return;
    connection.send(reply_of("1"));
    if (connection.number() == 0) connection.send(reply_of("poison"));
    ++told;
    connection.wait_closed();
  });
  open(server.port());
  expect_reply(exchange(), 200, "1");
  ASSERT_TRUE(run_until([&] { return told == 1; }));
  expect_reply(exchange(), 200, "1");
  EXPECT_EQ(server.connections(), 2U);
}

// 66, 68
TEST_F(HttpFault, Fault66Fault68RepliesThatCannotBeTrustedAreErrorsAndDropTheConnection) {
  const std::string replies[] = {
      "SSH-2.0-OpenSSH\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2'000, 'x'),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2'000, 'x') + "\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000, 'x'),
  };
  for (const std::string& reply : replies) {
    FaultServer server([&](FaultServer::Connection& connection) {
      connection.read_request();
      connection.send(reply);
      connection.wait_closed();
    });
    open(server.port(), {max_reply("1KiB")});
    expect_error(exchange(), ErrorCode::upstream_error, true);
    EXPECT_TRUE(server.wait_for_closed_by_client(1)) << reply.substr(0, 80);
    expect_error(exchange(), ErrorCode::upstream_error, true);
    EXPECT_EQ(server.connections(), 2U) << reply.substr(0, 80);
    channel_.reset();
  }
}

// 67
TEST_F(HttpFault, Fault67ADrippingReplyMeetsTheTotalDeadline) {
  std::atomic<bool> stop = false;
  FaultServer server([&](FaultServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!stop && connection.send("x")) std::this_thread::sleep_for(milliseconds(10));
  });
  const auto outcome = until_sent([&](milliseconds timeout) {
    open(server.port(), {text_of("timeout", std::to_string(timeout.count()) + "ms")});
    return exchange();
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  stop = true;
}

// 69: a label of 70 bytes is refused by every resolver without asking a server.
TEST_F(HttpFault, Fault69ANameThatDoesNotResolveIsUnavailable) {
  open(80, {text_of("connect_timeout", "10s")}, std::string(70, 'a') + ".invalid");
  Sent& a = dispatch(request());
  Sent& b = dispatch(request());
  expect_error(finish(a), ErrorCode::upstream_unavailable, false);
  expect_error(finish(b), ErrorCode::upstream_unavailable, false);
}

// 81
TEST_F(HttpFault, Fault81BeyondTheBoundsTheAnswerIsOverloaded) {
  FaultServer server(hang);
  open(server.port(), {bounds()});
  constexpr std::size_t kAll = kConnections + kPending;
  for (std::size_t i = 0; i < kAll; ++i) ASSERT_NE(dispatch(request()).call, nullptr) << i;
  Sent& over = dispatch(request());
  EXPECT_EQ(over.call, nullptr);
  expect_error(finish(over), ErrorCode::overloaded, false);

  ASSERT_TRUE(run_until([&] { return server.connections() == kConnections; }));
  // One that runs makes room for one that waits, which makes room for another.
  sent_[0].call->cancel();
  expect_error(*sent_[0].outcome, ErrorCode::cancelled, sent_[0].outcome->sent);
  ASSERT_TRUE(run_until([&] { return server.connections() == kConnections + 1; }));
  EXPECT_NE(dispatch(request()).call, nullptr);
  EXPECT_EQ(dispatch(request()).call, nullptr);
  channel_.reset();
  for (const Sent& sent : sent_) EXPECT_EQ(sent.completions, 1);
}

TEST_F(HttpFault, WaitingRequestsTimeOutAndAreServedInOrder) {
  std::atomic<bool> answer = false;
  FaultServer server([&](FaultServer::Connection& connection) {
    while (connection.read_request()) {
      while (!answer) std::this_thread::sleep_for(milliseconds(1));
      connection.send(reply_of("1"));
    }
  });
  open(server.port(), {bounds()});
  for (std::size_t i = 0; i < kConnections; ++i) dispatch(request());
  DispatchRequest hurried = request();
  hurried.deadline = Clock::now() + milliseconds(100);
  Sent& late = dispatch(std::move(hurried));
  Sent& cancelled = dispatch(request());
  Sent& patient = dispatch(request());
  cancelled.call->cancel();
  expect_error(finish(cancelled), ErrorCode::cancelled, false);
  expect_error(finish(late), ErrorCode::timeout, false);
  answer = true;
  expect_reply(finish(patient), 200, "1");
  for (std::size_t i = 0; i < kConnections; ++i) expect_reply(finish(sent_[i]), 200, "1");
  EXPECT_EQ(server.connections(), kConnections);
}

// 75
TEST_F(HttpFault, Fault75ACancelledCallClosesItsConnectionWhereverItIs) {
  // Too large for the socket buffers, so that sending is still under way when the reply begins.
  const std::string large(std::size_t{32} << 20, 'x');
  struct Case {
    const char* state;
    std::string payload;
    std::string_view reply;
  };
  for (const Case& c :
       {Case{"waiting for the reply", "1", ""}, Case{"reading", "1", "HTTP/1.1 200 OK\r\nContent-Le"}}) {
    FaultServer server([&](FaultServer::Connection& connection) {
      connection.read_request();
      connection.send(c.reply);
      connection.wait_closed();
    });
    open(server.port());
    Sent& sent = dispatch(request(c.payload));
    ASSERT_TRUE(run_until([&] { return server.requests().size() == 1; })) << c.state;
    sent.call->cancel();
    sent.call->cancel();
    expect_error(finish(sent), ErrorCode::cancelled, true);
    EXPECT_TRUE(server.wait_for_closed_by_client(1)) << c.state;
  }
  {
    std::atomic<bool> go_on = false;
    FaultServer server([&](FaultServer::Connection& connection) {
      while (!go_on) std::this_thread::sleep_for(milliseconds(1));
      connection.wait_closed();
    });
    open(server.port());
    Sent& sent = dispatch(request(large));
    ASSERT_TRUE(run_until([&] { return server.connections() == 1; }));
    io_.poll();
    sent.call->cancel();
    expect_error(finish(sent), ErrorCode::cancelled, true);
    go_on = true;
    EXPECT_TRUE(server.wait_for_closed_by_client(1)) << "sending";
  }
  const StalledPort stalled;
  open(stalled.port());
  Sent& connecting = dispatch(request());
  io_.restart();
  io_.poll();
  connecting.call->cancel();
  expect_error(finish(connecting), ErrorCode::cancelled, false);
  open(stalled.port(), {}, "localhost");
  Sent& resolving = dispatch(request());
  resolving.call->cancel();
  expect_error(finish(resolving), ErrorCode::cancelled, false);
}

TEST_F(HttpFault, CancellingACompletedCallDoesNothing) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  Sent& sent = dispatch(request());
  expect_reply(finish(sent), 200, "1");
  sent.call->cancel();
  channel_.reset();
  sent.call->cancel();
  EXPECT_EQ(sent.completions, 1);
  expect_reply(*sent.outcome, 200, "1");
}

TEST_F(HttpFault, TheChannelsEndCancelsItsCalls) {
  FaultServer server(hang);
  open(server.port());
  Sent& sent = dispatch(request());
  ASSERT_TRUE(run_until([&] { return server.connections() == 1; }));
  Sent& fresh = dispatch(request());
  channel_.reset();
  ASSERT_EQ(sent.completions, 1);
  ASSERT_EQ(fresh.completions, 1);
  EXPECT_EQ(sent.outcome->reply.error().code, ErrorCode::cancelled);
  io_.restart();
  io_.run();  // returns: nothing is left under way
  EXPECT_EQ(sent.completions, 1);
  EXPECT_EQ(fresh.completions, 1);
}

TEST_F(HttpFault, ACompletionMayDispatchAgainOrEndTheChannel) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  int completed = 0;
  Completion again = [&](DispatchOutcome outcome) {
    EXPECT_TRUE(outcome.reply.ok());
    if (++completed < 10) {
      auto call = channel_->dispatch(std::make_shared<DispatchRequest>(request()), nullptr, again);
    } else {
      channel_.reset();
    }
  };
  auto call = channel_->dispatch(std::make_shared<DispatchRequest>(request()), nullptr, again);
  ASSERT_TRUE(run_until([&] { return completed == 10; }));
  EXPECT_EQ(channel_, nullptr);
  EXPECT_EQ(server.connections(), 1U);
}

}  // namespace
}  // namespace semroute::plugins::test
