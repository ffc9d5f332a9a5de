// Several tries and several endpoints: what is sent again, where to, and what the outcome tells of it.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using std::chrono::milliseconds;
using testing::HasSubstr;

using HttpRetry = HttpFixture;

config::Member idempotent() { return {"idempotent", {}, scalar(true)}; }
config::Member retry_on(std::vector<std::string> words, std::vector<std::int64_t> statuses = {}) {
  config::Value::List list;
  for (std::string& word : words) list.push_back(scalar(std::move(word)));
  for (const std::int64_t status : statuses) list.push_back(scalar(status));
  return {"retry_on", {}, scalar(std::move(list))};
}
config::Member in_turn() { return text_of("balance", "round_robin"); }
// So that an endpoint stays in, whatever happens.
config::Member never_ejected() { return map_of("ejection", {number_of("consecutive_failures", 0)}); }

void reset(FaultServer::Connection& connection) {
  connection.read_request();
  connection.reset_on_close();
}

std::vector<std::string> outcomes(const DispatchOutcome& outcome) {
  std::vector<std::string> words;
  for (const Attempt& attempt : outcome.attempts) words.push_back(attempt.outcome);
  return words;
}

// 62
TEST_F(HttpRetry, Fault62ARefusedConnectionGoesToAnotherEndpoint) {
  const BoundSocket nobody;
  FaultServer server(always(reply_of("1")));
  open({nobody.port(), server.port()}, {in_turn(), never_ejected()});
  for (int i = 0; i < 4; ++i) {
    const DispatchOutcome outcome = exchange();
    expect_reply(outcome, 200, "1");
    if (i % 2 == 0) {
      EXPECT_EQ(outcomes(outcome), (std::vector<std::string>{"upstream_unavailable", "ok"}));
      EXPECT_EQ(outcome.attempts[0].endpoint, url_of(nobody.port()));
      EXPECT_EQ(outcome.attempts[1].endpoint, url_of(server.port()));
    }
  }
  const TargetStats stats = target_->stats();
  ASSERT_EQ(stats.endpoints.size(), 2U);
  EXPECT_EQ(stats.endpoints[1].retries, stats.endpoints[0].requests);
  EXPECT_EQ(stats.endpoints[1].requests, 4U);
  EXPECT_THAT(stats.endpoints[0].failures, testing::ElementsAre(testing::Pair("connect", stats.endpoints[0].requests)));
  EXPECT_GT(stats.endpoints[1].p50_us, 0U);
}

TEST_F(HttpRetry, Fault62WithoutAnotherItIsUnavailable) {
  const BoundSocket nobody;
  open(nobody.port());
  const DispatchOutcome outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  // The only endpoint is tried once more, after a while.
  EXPECT_EQ(outcomes(outcome), (std::vector<std::string>{"upstream_unavailable", "upstream_unavailable"}));
  open(nobody.port(), {number_of("retries", 0)});
  EXPECT_EQ(outcomes(exchange()).size(), 1U);
}

// 64
TEST_F(HttpRetry, Fault64AResetAfterSendingIsTriedAgainOnlyIfIdempotent) {
  FaultServer bad(reset);
  FaultServer good(always(reply_of("1")));
  open({bad.port(), good.port()}, {in_turn(), never_ejected(), number_of("retries", 5)});
  expect_error(exchange(), ErrorCode::upstream_error, true);
  expect_reply(exchange(), 200, "1");
  EXPECT_EQ(bad.requests().size(), 1U);
  EXPECT_EQ(good.requests().size(), 1U);

  open({bad.port(), good.port()}, {in_turn(), never_ejected(), idempotent(), retry_on({"reset"})});
  const DispatchOutcome outcome = exchange();
  expect_reply(outcome, 200, "1");
  EXPECT_EQ(outcomes(outcome), (std::vector<std::string>{"upstream_error", "ok"}));
  // The same request twice, byte for byte but for the host.
  const auto without_start = [](const std::string& request) { return request.substr(request.find("User-Agent")); };
  EXPECT_EQ(without_start(bad.requests().back()), without_start(good.requests().back()));
}

TEST_F(HttpRetry, OnlyWhatIsNamedIsTriedAgain) {
  FaultServer bad(reset);
  open({bad.port(), bad.port()},
       {never_ejected(), idempotent(), retry_on({"per_try_timeout"}), number_of("retries", 5)});
  EXPECT_EQ(outcomes(exchange()).size(), 1U);
  const BoundSocket nobody;
  open({nobody.port(), nobody.port()}, {never_ejected(), retry_on({"reset_before_request"}), number_of("retries", 5)});
  EXPECT_EQ(outcomes(exchange()).size(), 1U);
}

TEST_F(HttpRetry, StatusesAreTriedAgainAndTheLastIsPassedBack) {
  FaultServer busy(always("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"));
  FaultServer good(always(reply_of("1")));
  open({busy.port(), good.port()}, {in_turn(), never_ejected(), idempotent(), retry_on({}, {503})});
  const DispatchOutcome outcome = exchange();
  expect_reply(outcome, 200, "1");
  EXPECT_EQ(outcomes(outcome), (std::vector<std::string>{"503", "ok"}));

  open(busy.port(), {never_ejected(), idempotent(), retry_on({}, {503}), number_of("retries", 2)});
  const DispatchOutcome all = exchange();
  expect_reply(all, 503, "busy");
  EXPECT_EQ(outcomes(all), (std::vector<std::string>{"503", "503", "503"}));
  EXPECT_THAT(target_->stats().endpoints[0].failures, testing::ElementsAre(testing::Pair("status_5xx", 3U)));
}

TEST_F(HttpRetry, ATryThatTakesTooLongIsFollowedByAnother) {
  FaultServer slow([](FaultServer::Connection& connection) { connection.wait_closed(); });
  FaultServer good(always(reply_of("1")));
  // Long enough for the good one on this machine.
  for (milliseconds per_try{100};; per_try *= 2) {
    open({slow.port(), good.port()},
         {in_turn(), never_ejected(), idempotent(), retry_on({"per_try_timeout", "connect_failure"}),
          text_of("per_try_timeout", std::to_string(per_try.count()) + "ms")});
    const DispatchOutcome outcome = exchange();
    EXPECT_EQ(outcome.attempts.size(), 2U);
    if (!outcome.reply.ok() && per_try < std::chrono::seconds(20)) continue;
    expect_reply(outcome, 200, "1");
    EXPECT_EQ(outcomes(outcome).back(), "ok");
    break;
  }
  EXPECT_TRUE(slow.wait_for_closed_by_client(1));
}

TEST_F(HttpRetry, NoRetryIsWaitedForPastTheDeadline) {
  const BoundSocket nobody;
  open(nobody.port(), {number_of("retries", 10), text_of("timeout", "200ms"),
                       map_of("retry_budget", {number_of("min", 1'000)}), never_ejected()});
  const DispatchOutcome outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  EXPECT_GE(outcome.attempts.size(), 1U);
  // 25, 50 and 100 ms, each half of it at least: no eleven tries fit in.
  EXPECT_LE(outcome.attempts.size(), 5U);
}

TEST_F(HttpRetry, ACallThatBacksOffCanBeCancelled) {
  const BoundSocket nobody;
  open(nobody.port(), {number_of("retries", 10), map_of("retry_budget", {number_of("min", 1'000)}), never_ejected()});
  Sent& sent = dispatch(request());
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints[0].requests >= 2; }));
  sent.call->cancel();
  expect_error(finish(sent), ErrorCode::cancelled, false);
  EXPECT_EQ(target_->stats().endpoints[0].in_flight, 0U);
}

// 73
TEST_F(HttpRetry, Fault73WhenEverythingFailsRetriesStayWithinTheBudget) {
  FaultServer bad(reset);
  open({bad.port(), bad.port(), bad.port()},
       {never_ejected(), idempotent(), retry_on({"reset", "connect_failure"}), number_of("retries", 10)});
  constexpr std::size_t kRequests = 200;
  std::size_t tries = 0;
  for (std::size_t i = 0; i < kRequests; ++i) {
    const DispatchOutcome outcome = exchange();
    ASSERT_FALSE(outcome.reply.ok());
    tries += outcome.attempts.size();
  }
  EXPECT_GT(tries, kRequests);
  EXPECT_LE(tries, kRequests + kRequests / 5 + 3);
  EXPECT_EQ(bad.requests().size(), tries);
}

// 71
TEST_F(HttpRetry, Fault71RedirectsAreAnswersToo) {
  FaultServer server(always("HTTP/1.1 308 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
  open({server.port(), server.port()}, {idempotent()});
  const DispatchOutcome outcome = exchange();
  expect_reply(outcome, 308, "");
  EXPECT_EQ(outcomes(outcome), (std::vector<std::string>{"ok"}));
}

TEST_F(HttpRetry, ConfiguredWeightsAreKept) {
  FaultServer a(always(reply_of("a")));
  FaultServer b(always(reply_of("b")));
  config::Value::List endpoints{map({text_of("url", url_of(a.port())), number_of("weight", 3)}),
                                map({text_of("url", url_of(b.port()))})};
  open_keys({{"endpoints", {}, scalar(std::move(endpoints))}, in_turn()});
  for (int i = 0; i < 20; ++i) exchange();
  EXPECT_EQ(a.requests().size(), 15U);
  EXPECT_EQ(b.requests().size(), 5U);
}

}  // namespace
}  // namespace semroute::plugins::test
