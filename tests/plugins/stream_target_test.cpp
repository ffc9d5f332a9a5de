// The tcp and unix targets against servers that behave and others that do not (faults.md 62-67, 81).
#include <gmock/gmock.h>
#include <sys/un.h>

#include <filesystem>

#include "tests/plugins/target_fixture.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;
using Connection = FaultServer::Connection;

class StreamTarget : public TargetFixture {
 protected:
  void open_tcp(std::uint16_t port, std::vector<config::Member> keys = {}) {
    keys.push_back(text_of("address", "127.0.0.1:" + std::to_string(port)));
    open("tcp", std::move(keys));
  }
};

// Answers every line with the same bytes.
FaultServer::Script answer_lines(std::string reply) {
  return [reply = std::move(reply)](Connection& connection) {
    while (connection.read_line() && connection.send(reply)) {
    }
  };
}

void hang(Connection& connection) { connection.wait_closed(); }

TEST_F(StreamTarget, SendsALineAndTakesALine) {
  FaultServer server(answer_lines("{\"a\":  1e2}\r\n"));
  open_tcp(server.port());
  for (int i = 0; i < 5; ++i) {
    const auto outcome = exchange(request("[1,  2]"));
    expect_reply(outcome, 200, "{\"a\":  1e2}");
    EXPECT_EQ(outcome.reply.value().content_type, "application/json");
    EXPECT_THAT(tries_of(outcome), ElementsAre("ok"));
    EXPECT_EQ(outcome.attempts[0].endpoint, "127.0.0.1:" + std::to_string(server.port()));
  }
  EXPECT_EQ(server.connections(), 1U) << "kept";
  EXPECT_EQ(server.requests().at(4), "[1,  2]\n");
  const auto stats = target_->stats();
  ASSERT_EQ(stats.endpoints.size(), 1U);
  EXPECT_EQ(stats.endpoints[0].requests, 5U);
  EXPECT_EQ(stats.endpoints[0].in_flight, 0U);
}

TEST_F(StreamTarget, WhatIsNoJsonComesBackAsBytes) {
  FaultServer server(answer_lines("pong\n"));
  open_tcp(server.port());
  const auto outcome = exchange();
  expect_reply(outcome, 200, "pong");
  EXPECT_EQ(outcome.reply.value().content_type, "application/octet-stream");
}

TEST_F(StreamTarget, SendsALengthAndTakesALength) {
  FaultServer server([](Connection& connection) {
    while (connection.read_bytes(6) && connection.send("\0\0\0\3\n\0x"s)) {
    }
  });
  open_tcp(server.port(), {text_of("framing", "u32")});
  for (int i = 0; i < 3; ++i) expect_reply(exchange(request("a\n")), 200, "\n\0x"s);
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.requests().at(2), "\0\0\0\2a\n"s);
}

TEST_F(StreamTarget, APayloadThatTheFramingCannotCarryIsABadRequest) {
  FaultServer server(answer_lines("1\n"));
  open_tcp(server.port());
  Sent& sent = dispatch(request("{\n}"));
  EXPECT_EQ(sent.call, nullptr);
  expect_error(finish(sent), ErrorCode::bad_request, false);
  EXPECT_EQ(server.connections(), 0U);
}

// The target answers while it still reads: neither waits for the other.
TEST_F(StreamTarget, LargeFramesGoBothWaysAtOnce) {
  const std::size_t bytes = std::size_t{6} << 20;
  FaultServer server([&](Connection& connection) {
    if (!connection.read_bytes(4) || !connection.send("\0\x60\0\0"s)) return;
    for (std::size_t left = bytes; left > 0; left -= 1 << 16) {
      if (!connection.read_bytes(1 << 16) || !connection.send(std::string(1 << 16, 'z'))) return;
    }
    connection.wait_closed();
  });
  open_tcp(server.port(), {text_of("framing", "u32")});
  expect_reply(exchange(request(std::string(bytes, 'x'))), 200, std::string(bytes, 'z'));
}

TEST_F(StreamTarget, RequestsAtOnceHaveConnectionsOfTheirOwnUpToTheBound) {
  FaultServer server(answer_lines("1\n"));
  open_tcp(server.port(), {map_of("limits", {number_of("connections", 2), number_of("pending", 3)})});
  std::vector<Sent*> sent;
  for (int i = 0; i < 5; ++i) sent.push_back(&dispatch(request()));
  EXPECT_EQ(target_->stats().pending, 3U);
  // 81
  Sent& refused = dispatch(request());
  EXPECT_EQ(refused.call, nullptr);
  expect_error(finish(refused), ErrorCode::overloaded, false);
  for (Sent* one : sent) expect_reply(finish(*one), 200, "1");
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(target_->stats().pending, 0U);
}

config::Member limits(std::int64_t connections, std::int64_t pending) {
  return map_of("limits", {number_of("connections", connections), number_of("pending", pending)});
}

// Two workers, each with a channel of its own.
TEST_F(StreamTarget, ItsLimitsAreThoseOfAllWorkers) {
  FaultServer server(hang);
  open_tcp(server.port(), {limits(2, 1)});
  const std::unique_ptr<Channel> other = target_->open(io_);
  dispatch(request());
  dispatch_to(*other, request());
  EXPECT_EQ(target_->stats().state, "healthy");
  dispatch(request());
  EXPECT_EQ(target_->stats().pending, 1U);
  EXPECT_EQ(target_->stats().state, "breaker_open");
  Sent& refused = dispatch_to(*other, request());
  EXPECT_EQ(refused.call, nullptr);
  expect_error(*refused.outcome, ErrorCode::overloaded, false);
}

TEST_F(StreamTarget, WhatAnotherWorkerHoldsIdleIsHandedOver) {
  FaultServer server(answer_lines("1\n"));
  open_tcp(server.port(), {limits(1, 0)});
  std::unique_ptr<Channel> other = target_->open(io_);
  for (int i = 0; i < 3; ++i) {
    expect_reply(exchange(), 200, "1");
    expect_reply(finish(dispatch_to(*other, request())), 200, "1");
    EXPECT_EQ(target_->stats().state, "healthy");
  }
  EXPECT_EQ(server.connections(), 6U);
  // One that is closed with its worker is free again.
  other.reset();
  expect_reply(exchange(), 200, "1");
}

TEST_F(StreamTarget, AHandoverThatDoesNotComeIsGivenUp) {
  FaultServer server(answer_lines("1\n"));
  open_tcp(server.port(), {limits(1, 0)});
  boost::asio::io_context busy;
  const std::unique_ptr<Channel> other = target_->open(busy);
  Sent& first = dispatch_to(*other, request());
  while (!first.outcome) busy.run_one();
  first.call = nullptr;  // before its loop goes
  expect_error(exchange(), ErrorCode::overloaded, false);
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(StreamTarget, ABusyWorkerLeavesAnotherItsShare) {
  FaultServer server(answer_lines("1\n"));
  open_tcp(server.port(), {limits(2, 1'000)});
  const std::unique_ptr<Channel> other = target_->open(io_);
  for (int i = 0; i < 100; ++i) dispatch(request());
  Sent& one = dispatch_to(*other, request());
  ASSERT_TRUE(run_until([&] { return one.outcome.has_value(); }));
  std::size_t waiting = 0;
  for (const Sent& sent : sent_) waiting += sent.outcome ? 0 : 1;
  EXPECT_GT(waiting, 0U) << "it came only after all of the others";
  for (Sent& sent : sent_) expect_reply(finish(sent), 200, "1");
}

TEST_F(StreamTarget, ADeadlineThatPassesInTheQueueIsATimeout) {
  FaultServer server([](Connection& connection) {
    connection.read_line();
    connection.wait_closed();
  });
  open_tcp(server.port(), {map_of("limits", {number_of("connections", 1)})});
  Sent& running = dispatch(request());
  ASSERT_TRUE(run_until([&] { return server.requests().size() == 1; }));
  DispatchRequest hurried = request();
  hurried.deadline = Clock::now() + milliseconds(50);
  expect_error(finish(dispatch(std::move(hurried))), ErrorCode::timeout, false);
  running.call->cancel();
  expect_error(finish(running), ErrorCode::cancelled, true);
  EXPECT_TRUE(server.wait_for_closed_by_client(1)) << "a late reply must not answer another request";
}

TEST_F(StreamTarget, NamesAreResolved) {
  FaultServer server(answer_lines("1\n"));
  open("tcp", {text_of("address", "localhost:" + std::to_string(server.port()))});
  Sent& a = dispatch(request());
  Sent& b = dispatch(request());
  expect_reply(finish(a), 200, "1");
  expect_reply(finish(b), 200, "1");
}

// 62
TEST_F(StreamTarget, ARefusedConnectionIsUnavailable) {
  const BoundSocket nobody;
  open_tcp(nobody.port());
  const auto outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  EXPECT_THAT(tries_of(outcome), ElementsAre("upstream_unavailable"));
  EXPECT_EQ(target_->stats().state, "unavailable");
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, ElementsAre(testing::Pair("connect", 1U)));
}

// 63, 67: a reply that trickles counts from the dispatch.
TEST_F(StreamTarget, AReplyThatIsNotCompleteInTimeIsATimeout) {
  FaultServer server([](Connection& connection) {
    connection.read_line();
    connection.send("half of");
    connection.wait_closed();
  });
  const auto outcome = until_sent([&](milliseconds timeout) {
    open_tcp(server.port(), {text_of("timeout", std::to_string(timeout.count()) + "ms")});
    return exchange();
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
}

// 64
TEST_F(StreamTarget, AResetAfterTheRequestIsRetriedOnlyWhereTheTargetIsIdempotent) {
  FaultServer server([](Connection& connection) {
    connection.read_line();
    if (connection.number() % 2 == 0) {
      connection.reset_on_close();
    } else {
      connection.send("2\n");
    }
  });
  open_tcp(server.port());
  expect_error(exchange(), ErrorCode::upstream_error, true);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_FALSE(target_->is_idempotent());
  FaultServer other([](Connection& connection) {
    connection.read_line();
    if (connection.number() == 0) {
      connection.reset_on_close();
    } else {
      connection.send("2\n");
      connection.wait_closed();
    }
  });
  open_tcp(other.port(), {flag_of("idempotent", true)});
  EXPECT_TRUE(target_->is_idempotent());
  const auto outcome = exchange();
  expect_reply(outcome, 200, "2");
  EXPECT_THAT(tries_of(outcome), ElementsAre("upstream_error", "ok"));
  EXPECT_EQ(target_->stats().endpoints.at(0).retries, 1U);
}

TEST_F(StreamTarget, AnIdempotentTargetThatAlwaysBreaksOffIsTriedTwice) {
  FaultServer server([](Connection& connection) { connection.read_line(); });
  open_tcp(server.port(), {flag_of("idempotent", true)});
  const auto outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_error, true);
  EXPECT_THAT(tries_of(outcome), ElementsAre("upstream_error", "upstream_error"));
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(StreamTarget, APartOfAReplyIsNotRetried) {
  FaultServer server([](Connection& connection) {
    connection.read_line();
    connection.send("half");
  });
  open_tcp(server.port(), {flag_of("idempotent", true)});
  expect_error(exchange(), ErrorCode::upstream_error, true);
  EXPECT_EQ(server.requests().size(), 1U);
}

// 65
TEST_F(StreamTarget, AKeptConnectionThatWasClosedIsReplaced) {
  FaultServer server([](Connection& connection) {
    if (connection.read_line()) connection.send("1\n");
  });
  open_tcp(server.port());
  for (std::size_t i = 1; i <= 3; ++i) {
    expect_reply(exchange(), 200, "1");
    EXPECT_TRUE(server.wait_for_closed(i));
  }
  EXPECT_EQ(server.connections(), 3U);
}

// 66
TEST_F(StreamTarget, AnOversizedReplyDropsItsConnection) {
  FaultServer server([](Connection& connection) {
    if (connection.read_line()) connection.send(std::string(5000, 'x') + "\n");
    connection.wait_closed();
  });
  open_tcp(server.port(), {map_of("limits", {text_of("max_reply", "4KiB")})});
  const auto outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_error, true);
  EXPECT_THAT(outcome.reply.error().message, HasSubstr("limits.max_reply"));
  EXPECT_TRUE(server.wait_for_closed_by_client(1));
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, ElementsAre(testing::Pair("bad_reply", 1U)));
}

TEST_F(StreamTarget, BytesAfterAReplyDropTheConnectionAndAnswerNobody) {
  FaultServer server(answer_lines("mine\nnobody's\n"));
  open_tcp(server.port());
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 200, "mine");
  EXPECT_EQ(server.connections(), 3U);
}

TEST_F(StreamTarget, ClosingTheChannelCancels) {
  FaultServer server(hang);
  open_tcp(server.port());
  Sent& sent = dispatch(request());
  channel_.reset();
  expect_error(finish(sent), ErrorCode::cancelled, false);
}

// A listening Unix socket in a folder of its own.
class UnixListener {
 public:
  explicit UnixListener(int backlog) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    char folder[] = "/tmp/semroute_stream_XXXXXX";
    if (::mkdtemp(folder) == nullptr) std::abort();
    folder_ = folder;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(fd_, backlog) != 0) {
      std::abort();
    }
  }
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  ~UnixListener() {
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ + "/socket"; }
  // Answers the first line of one connection.
  void answer_one(std::string_view reply) const {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) == 1 && byte != '\n') {
    }
    (void)::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
    ::close(fd);
  }

 private:
  int fd_;
  std::string folder_;
};

TEST_F(StreamTarget, SpeaksToUnixSocketsBesideTheConfiguration) {
  const UnixListener listener(8);
  auto config = target_of("service", "unix", {text_of("address", "socket")});
  config.file = listener.folder() + "/semrouted.yaml";
  open(config);
  std::thread server([&] { listener.answer_one("{}\n"); });
  expect_reply(exchange(), 200, "{}");
  server.join();
  EXPECT_EQ(target_->kind(), "unix");
}

TEST_F(StreamTarget, AUnixSocketWithoutAFileIsUnavailable) {
  open("unix", {text_of("address", "/nonexistent/socket")});
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
  open("unix", {text_of("address", "@semroute-test-that-nobody-listens-on")});
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
}

// Connecting to a full queue fails at once; it is tried again until connect_timeout.
TEST_F(StreamTarget, AUnixSocketWhoseQueueIsFullIsWaitedFor) {
  const UnixListener listener(0);
  open("unix", {text_of("address", listener.path()), text_of("connect_timeout", "500ms")});
  Sent& first = dispatch(request());  // takes the one place, and is never accepted
  io_.poll();
  Sent& second = dispatch(request());
  expect_error(finish(second), ErrorCode::upstream_unavailable, false);
  EXPECT_THAT(second.outcome->reply.error().message, HasSubstr("connect_timeout"));
  first.call->cancel();
  expect_error(finish(first), ErrorCode::cancelled, true);

  open("unix", {text_of("address", listener.path()), text_of("connect_timeout", "60s")});
  Sent& waiting = dispatch(request());
  io_.restart();
  io_.poll();
  std::thread server([&] {
    listener.answer_one("");  // the first one's
    listener.answer_one("now\n");
  });
  expect_reply(finish(waiting), 200, "now");
  server.join();
}

TEST(StreamTargetKeys, AreChecked) {
  const auto problems = [](const std::string& kind, std::vector<config::Member> keys) {
    std::vector<std::string> paths;
    for (const auto& problem : problems_of(target_of("a", kind, std::move(keys)))) paths.push_back(problem.key_path);
    return paths;
  };
  for (const char* address : {"localhost:1", "127.0.0.1:65535", "[::1]:80", "a-b.c_d:7"}) {
    EXPECT_THAT(problems("tcp", {text_of("address", address)}), ElementsAre()) << address;
  }
  for (const char* address : {"", "localhost", ":1", "a:0", "a:65536", "a:1x", "a:-1", "::1:80", "[::g]:80",
                              "[1.2.3.4]:1", "a b:1", "http://a:1"}) {
    EXPECT_THAT(problems("tcp", {text_of("address", address)}), ElementsAre("targets[0].address")) << address;
  }
  for (const char* address : {"/run/a.sock", "a.sock", "x", "@a"}) {
    EXPECT_THAT(problems("unix", {text_of("address", address)}), ElementsAre()) << address;
  }
  for (const std::string& address : {""s, "@"s, "/run/"s, "/" + std::string(107, 'a'), "@a\0b"s}) {
    EXPECT_THAT(problems("unix", {text_of("address", address)}), ElementsAre("targets[0].address")) << address;
  }
  EXPECT_THAT(problems("unix", {text_of("address", "/tmp")}), ElementsAre("targets[0].address")) << "a folder";
  EXPECT_THAT(problems("tcp", {}), ElementsAre("targets[0].address"));
  const auto address = text_of("address", "a:1");
  EXPECT_THAT(problems("tcp", {address, text_of("framing", "u16")}), ElementsAre("targets[0].framing"));
  EXPECT_THAT(problems("tcp", {address, text_of("timeout", "0s")}), ElementsAre("targets[0].timeout"));
  EXPECT_THAT(problems("tcp", {address, text_of("timeout", "1s"), text_of("connect_timeout", "2s")}),
              ElementsAre("targets[0].connect_timeout"));
  EXPECT_THAT(problems("tcp", {address, text_of("timeout", "500ms")}), ElementsAre()) << "a default is no mistake";
  EXPECT_THAT(problems("tcp", {address, map_of("limits", {number_of("connections", 0)})}),
              ElementsAre("targets[0].limits.connections"));
  EXPECT_THAT(problems("tcp", {address, text_of("url", "http://a")}), ElementsAre("targets[0].url"));
}

}  // namespace
}  // namespace semroute::plugins::test
