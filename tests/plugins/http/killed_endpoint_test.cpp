// One of three endpoints is killed under load and comes back: what the requests are told, and when it is out and in.
#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <optional>

#include <boost/asio/post.hpp>

#include "tests/plugins/http/fixture.h"
#include "tests/support/flaky_upstream.h"

namespace semroute::plugins::test {
namespace {

using semroute::test::FlakyUpstream;

constexpr std::size_t kInFlight = 64;
constexpr std::int64_t kHealthyAfter = 2;
constexpr std::size_t kAll = 10;  // numbers of requests; all have number 0

class HttpKilledEndpoint : public HttpFixture {
 protected:
  void begin(std::vector<config::Member> keys) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) others_.emplace_back(FlakyUpstream::Odds{}, kAll, seed);
    third_.emplace(FlakyUpstream::Odds{}, kAll, 3);
    port_ = third_->port();
    // An ejection that would end by itself, if checks did not end it, ends long after the test.
    keys.push_back(map_of("ejection", {number_of("consecutive_failures", 5), text_of("base_time", "1h")}));
    keys.push_back(map_of("health", {text_of("path", "/healthz"), text_of("interval", "50ms"),
                                     text_of("timeout", "30s"), number_of("healthy_after", kHealthyAfter)}));
    open({others_[0].port(), others_[1].port(), port_}, std::move(keys));
    target_->start(io_);
    for (std::size_t i = 0; i < kInFlight; ++i) send();
  }

  // Another one as soon as one is answered, until `is_over_`.
  void send() {
    ++under_way_;
    (void)channel_->dispatch(
        std::make_shared<DispatchRequest>(request(R"({"n":0})")), nullptr, [this](const DispatchOutcome& outcome) {
          --under_way_;
          ++told_[outcome.reply.ok() ? "ok" : std::string(core::to_string(outcome.reply.error().code))];
          if (!is_over_) boost::asio::post(io_, [this] { send(); });
        });
  }

  void kill_and_bring_back() {
    const auto third = [&] { return target_->stats().endpoints[2]; };
    ASSERT_TRUE(run_until([&] { return third_->all_arrivals() > 500; }));
    third_.reset();
    ASSERT_TRUE(run_until([&] { return third().state != "healthy"; }));
    const std::uint64_t requests = third().requests;
    const std::size_t before = told_["ok"];
    ASSERT_TRUE(run_until([&] { return told_["ok"] > before + 1'000; }));
    EXPECT_EQ(third().requests, requests) << "requests to an endpoint that is out";

    third_.emplace(FlakyUpstream::Odds{}, kAll, 4, port_);
    ASSERT_TRUE(run_until([&] { return third().state == "healthy"; }));
    EXPECT_LE(third_->checks(), static_cast<std::uint64_t>(kHealthyAfter) + 1);
    ASSERT_TRUE(run_until([&] { return third_->all_arrivals() > 500; }));
    is_over_ = true;
    ASSERT_TRUE(run_until([&] { return under_way_ == 0; }));
    target_->stop();
    for (const EndpointStats& endpoint : target_->stats().endpoints) EXPECT_EQ(endpoint.in_flight, 0U);
  }

  std::deque<FlakyUpstream> others_;
  std::optional<FlakyUpstream> third_;
  std::uint16_t port_ = 0;
  std::size_t under_way_ = 0;
  bool is_over_ = false;
  std::map<std::string, std::size_t> told_;
};

TEST_F(HttpKilledEndpoint, FailsNoIdempotentRequest) {
  config::Value::List on;
  for (const char* word : {"connect_failure", "reset_before_request", "reset"}) on.push_back(scalar(std::string(word)));
  begin({{"idempotent", {}, scalar(true)}, {"retry_on", {}, scalar(std::move(on))}, number_of("retries", 3)});
  kill_and_bring_back();
  EXPECT_EQ(told_.size(), 1U) << testing::PrintToString(told_);
}

TEST_F(HttpKilledEndpoint, FailsOthersOnlyIfTheyWereOnTheirWay) {
  begin({});
  kill_and_bring_back();
  EXPECT_LE(told_["upstream_error"], kInFlight);
  told_.erase("upstream_error");
  EXPECT_EQ(told_.size(), 1U) << testing::PrintToString(told_);
}

}  // namespace
}  // namespace semroute::plugins::test
