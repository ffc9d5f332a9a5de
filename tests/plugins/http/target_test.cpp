// The http target against servers that behave: what is sent, what comes back, connections used again.
#include <gmock/gmock.h>

#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using HttpTarget = HttpFixture;

TEST_F(HttpTarget, PostsThePayloadAndPassesTheReplyBack) {
  FaultServer server(always("HTTP/1.1 422 Nope\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n"));
  open(server.port(), {{"headers", {}, map({{"X-Team", {}, scalar(std::string("billing"))}})}});
  const std::string payload("{\"a\":\0 1}", 9);
  const DispatchOutcome outcome = exchange(request(payload));
  expect_reply(outcome, 422, "no\n");
  EXPECT_EQ(outcome.reply.value().content_type, "text/plain");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_THAT(requests[0], StartsWith("POST /echo?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port())));
  EXPECT_THAT(requests[0], HasSubstr("\r\nX-Team: billing\r\n"));
  EXPECT_THAT(requests[0], testing::EndsWith("\r\n\r\n" + payload));
}

TEST_F(HttpTarget, NamesReachTheTargetPercentEncoded) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  DispatchRequest odd = request();
  odd.route = "a\r\nX-Evil: 1\xff";
  expect_reply(exchange(std::move(odd)), 200, "1");
  EXPECT_THAT(server.requests().at(0), HasSubstr("\r\nX-Semroute-Route: a%0D%0AX-Evil:%201%FF\r\n"));
}

TEST_F(HttpTarget, AHeaderThatCannotBeSentIsABadRequest) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  DispatchRequest odd = request();
  odd.headers = {{"x-tenant", "a\r\nX-Evil: 1"}};
  Sent& sent = dispatch(std::move(odd));
  EXPECT_EQ(sent.call, nullptr);
  expect_error(finish(sent), core::ErrorCode::bad_request, false);
  EXPECT_EQ(server.connections(), 0U);
}

TEST_F(HttpTarget, OneConnectionServesManyRequests) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  for (int i = 0; i < 20; ++i) expect_reply(exchange(), 200, "1");
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.requests().size(), 20U);
}

TEST_F(HttpTarget, RequestsAtOnceHaveConnectionsOfTheirOwn) {
  FaultServer server(always(reply_of("1")));
  open(server.port());
  for (int round = 0; round < 3; ++round) {
    std::vector<Sent*> sent;
    for (int i = 0; i < 5; ++i) sent.push_back(&dispatch(request()));
    for (Sent* one : sent) expect_reply(finish(*one), 200, "1");
  }
  EXPECT_EQ(server.connections(), 5U);
}

TEST_F(HttpTarget, TheConnectionUsedLastIsUsedNext) {
  FaultServer server([](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send(reply_of(std::to_string(connection.number())))) {
    }
  });
  open(server.port());
  Sent& a = dispatch(request());
  Sent& b = dispatch(request());
  const std::string first = finish(a).reply.value().body;
  const std::string second = finish(b).reply.value().body;
  // Which of the two ended last is the server's to choose; from then on it is always the same one.
  const std::string next = exchange().reply.value().body;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(exchange().reply.value().body, next);
  EXPECT_NE(first, second);
}

TEST_F(HttpTarget, LargePayloadsAndRepliesGoThroughWhole) {
  const std::string large(std::size_t{5} << 20, 'x');
  FaultServer server(always(reply_of(large)));
  open(server.port());
  expect_reply(exchange(request(large)), 200, large);
  expect_reply(exchange(request(large)), 200, large);
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_THAT(server.requests().at(1), testing::EndsWith(large));
}

TEST_F(HttpTarget, ReadsChunkedAndInterimReplies) {
  FaultServer server(
      always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
  open(server.port());
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 200, "ok");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(HttpTarget, RepliesWithoutContentKeepTheConnection) {
  FaultServer server(always("HTTP/1.1 204 No Content\r\n\r\n"));
  open(server.port());
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 204, "");
  EXPECT_EQ(server.connections(), 1U);
}

// faults.md 68
TEST_F(HttpTarget, AnHttp10ReplyEndsItsConnection) {
  FaultServer server([](FaultServer::Connection& connection) {
    if (connection.read_request()) connection.send("HTTP/1.0 200 OK\r\n\r\nold");
  });
  open(server.port());
  for (int i = 0; i < 3; ++i) expect_reply(exchange(), 200, "old");
  EXPECT_EQ(server.connections(), 3U);
}

// faults.md 71
TEST_F(HttpTarget, RedirectsArePassedBackNotFollowed) {
  FaultServer elsewhere(always(reply_of("1")));
  FaultServer server(always("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:" +
                            std::to_string(elsewhere.port()) + "/\r\nContent-Length: 0\r\n\r\n"));
  open(server.port());
  expect_reply(exchange(), 307, "");
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(elsewhere.connections(), 0U);
}

TEST_F(HttpTarget, NamesAreResolved) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {}, "localhost");
  Sent& a = dispatch(request());
  Sent& b = dispatch(request());
  expect_reply(finish(a), 200, "1");
  expect_reply(finish(b), 200, "1");
}

TEST_F(HttpTarget, AnEarlyReplyIsTakenThoughTheRequestIsNotThrough) {
  FaultServer server([](FaultServer::Connection& connection) {
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    connection.wait_closed();
  });
  open(server.port());
  expect_reply(exchange(request(std::string(std::size_t{16} << 20, 'x'))), 413, "");
}

TEST_F(HttpTarget, APayloadOverItsBoundIsRefusedBeforeAnythingIsSent) {
  FaultServer server(always(reply_of("1")));
  open(server.port(), {map_of("limits", {text_of("max_request", "1KiB")})});
  expect_reply(exchange(request(std::string(1'024, 'x'))), 200, "1");
  Sent& over = dispatch(request(std::string(1'025, 'x')));
  EXPECT_EQ(over.call, nullptr);
  const auto outcome = finish(over);
  expect_error(outcome, core::ErrorCode::too_large, false);
  EXPECT_THAT(outcome.reply.error().message,
              testing::HasSubstr("1025 bytes, the target takes 1KiB (limits.max_request)"));
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(target_->stats().endpoints[0].requests, 1U);
}

}  // namespace
}  // namespace semroute::plugins::test
