// TargetFixture: a target of any kind, started and with a channel on an io_context that the test runs, and the
// outcomes.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/registry.h"
#include "tests/plugins/target_nodes.h"
#include "tests/support/fault_server.h"

namespace semroute::plugins::test {

using semroute::test::BoundSocket;
using semroute::test::FaultServer;

struct Sent {
  std::shared_ptr<Call> call;
  std::optional<DispatchOutcome> outcome;
  int completions = 0;
};

class TargetFixture : public testing::Test {
 protected:
  void open(const config::TargetConfig& config, bool is_started = true) {
    for (const auto& problem : problems_of(config)) ADD_FAILURE() << to_string(problem);
    channel_.reset();
    target_ = make_target(config);
    if (is_started) target_->start(io_);
    channel_ = target_->open(io_);
  }
  void open(const std::string& kind, std::vector<config::Member> keys) {
    open(target_of("service", kind, std::move(keys)));
  }

  static DispatchRequest request(std::string payload = R"({"text":"hi"})") {
    DispatchRequest request;
    request.payload = std::move(payload);
    request.content_type = "application/json";
    request.request_id = "r-1";
    request.route = "billing";
    request.decision = "matched";
    request.revision = 17;
    return request;
  }

  Sent& dispatch(DispatchRequest request, std::shared_ptr<ReplySink> sink = nullptr) {
    return dispatch_to(*channel_, std::move(request), std::move(sink));
  }
  // To another worker's channel, say.
  Sent& dispatch_to(Channel& channel, DispatchRequest request, std::shared_ptr<ReplySink> sink = nullptr) {
    Sent& sent = sent_.emplace_back();
    sent.call = channel.dispatch(std::make_shared<DispatchRequest>(std::move(request)), std::move(sink),
                                 [&sent](DispatchOutcome outcome) {
                                   ++sent.completions;
                                   sent.outcome = std::move(outcome);
                                 });
    return sent;
  }

  // Runs the worker until the request completes; then a little more, so that a second completion would show.
  DispatchOutcome finish(Sent& sent) {
    const auto give_up = Clock::now() + std::chrono::seconds(60);
    io_.restart();
    while (!sent.outcome.has_value() && Clock::now() < give_up) io_.run_one_for(std::chrono::milliseconds(100));
    io_.poll();
    EXPECT_EQ(sent.completions, 1);
    if (!sent.outcome.has_value()) {
      return {core::Error{core::ErrorCode::internal, "the test gave up waiting"}, false};
    }
    return *sent.outcome;
  }

  DispatchOutcome exchange(DispatchRequest request) { return finish(dispatch(std::move(request))); }
  DispatchOutcome exchange() { return exchange(request()); }

  // What comes of `once(timeout)` with a timeout in which this machine gets as far as sending: doubled until it does.
  template <class Once>
  static DispatchOutcome until_sent(Once once) {
    for (std::chrono::milliseconds timeout{200};; timeout *= 2) {
      DispatchOutcome outcome = once(timeout);
      if (outcome.sent || timeout > std::chrono::minutes(1)) return outcome;
    }
  }

  // Lets the worker run until `met`, which something outside of it brings about.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition met) {
    const auto give_up = Clock::now() + std::chrono::seconds(60);
    io_.restart();
    while (!met() && Clock::now() < give_up) io_.run_one_for(std::chrono::milliseconds(5));
    return met();
  }

  boost::asio::io_context io_;
  std::shared_ptr<Target> target_;
  std::deque<Sent> sent_;  // outlives the channel, whose end completes what is left
  std::unique_ptr<Channel> channel_;
};

inline void expect_error(const DispatchOutcome& outcome, core::ErrorCode code, bool sent) {
  ASSERT_FALSE(outcome.reply.ok()) << outcome.reply.value().status << ' ' << outcome.reply.value().body;
  EXPECT_EQ(core::to_string(outcome.reply.error().code), core::to_string(code)) << outcome.reply.error().message;
  EXPECT_EQ(outcome.sent, sent) << outcome.reply.error().message;
}

inline void expect_reply(const DispatchOutcome& outcome, int status, std::string_view body) {
  ASSERT_TRUE(outcome.reply.ok()) << outcome.reply.error().message;
  EXPECT_EQ(outcome.reply.value().status, status);
  EXPECT_EQ(outcome.reply.value().body, body);
  EXPECT_TRUE(outcome.sent);
}

// The outcomes of the tries, in order.
inline std::vector<std::string> tries_of(const DispatchOutcome& outcome) {
  std::vector<std::string> outcomes;
  for (const Attempt& attempt : outcome.attempts) outcomes.push_back(attempt.outcome);
  return outcomes;
}

}  // namespace semroute::plugins::test
