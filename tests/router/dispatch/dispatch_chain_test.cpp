#include "router/dispatch/dispatch_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "tests/router/dispatch/scripted_target.h"

namespace semroute::router {
namespace {

using core::ErrorCode;
using test::answering;
using test::failing;
using test::ScriptedCall;
using test::ScriptedTarget;
using ::testing::ElementsAre;

class NotingSink final : public plugins::ReplySink {
 public:
  void on_head(int status, std::string_view content_type) override {
    heads.push_back(std::to_string(status) + ' ' + std::string(content_type));
  }
  [[nodiscard]] bool on_bytes(std::string_view bytes) override {
    body += bytes;
    return takes_more;
  }
  std::vector<std::string> heads;
  std::string body;
  bool takes_more = true;
};

class DispatchChainTest : public ::testing::Test {
 protected:
  std::shared_ptr<ScriptedTarget> add(const std::string& name, ScriptedTarget::Script script = nullptr,
                                      bool idempotent = false) {
    return targets_.emplace_back(std::make_shared<ScriptedTarget>(name, std::move(script), idempotent));
  }
  // The first target is the chosen one, the others are its fallbacks.
  void start(std::optional<std::chrono::milliseconds> time = std::nullopt,
             std::shared_ptr<plugins::ReplySink> sink = nullptr) {
    std::vector<std::pair<DispatchTarget, double>> split;
    std::vector<DispatchTarget> fallbacks;
    for (const auto& target : targets_) {
      const DispatchTarget to{target, &counters_[target->name()]};
      if (split.empty()) {
        split.emplace_back(to, 1.0);
      } else {
        fallbacks.push_back(to);
      }
    }
    chain_ = std::make_shared<DispatchChain>(
        io_, pool_, std::make_shared<const RouteTargets>("r", split, std::move(fallbacks), std::nullopt), 0);
    auto request = std::make_shared<plugins::DispatchRequest>();
    request->payload = "hello";
    if (time) request->deadline = plugins::Clock::now() + *time;
    chain_->start(std::move(request), std::move(sink), [this](DispatchResult result) {
      ++completions_;
      result_.emplace(std::move(result));
    });
  }
  std::string answer() const {
    if (!result_) return "nothing";
    return result_->reply.ok() ? result_->reply->body : std::string(core::to_string(result_->reply.error().code));
  }
  std::vector<std::string> attempts() const {
    std::vector<std::string> told;
    for (const auto& [target, attempt] : chain_->attempts())
      told.push_back(target->name() + (attempt.endpoint.empty() ? "" : "/" + attempt.endpoint) + ' ' + attempt.outcome);
    return told;
  }
  std::uint64_t count(const std::string& name, ErrorCode code) {
    return counters_[name].outcomes[static_cast<std::size_t>(code)].load();
  }
  void TearDown() override {
    io_.run();
    EXPECT_LE(completions_, 1);
    for (const auto& [name, counters] : counters_) EXPECT_EQ(counters.in_flight.load(), 0U) << name;
  }

  boost::asio::io_context io_;
  ChannelPool pool_{io_};
  std::map<std::string, TargetCounters> counters_;
  std::vector<std::shared_ptr<ScriptedTarget>> targets_;
  std::shared_ptr<DispatchChain> chain_;
  std::optional<DispatchResult> result_;
  int completions_ = 0;
};

TEST_F(DispatchChainTest, TheChosenTargetAnswersAndNobodyElseIsAsked) {
  add("a", answering("from a"));
  const auto b = add("b", answering("from b"));
  start();
  EXPECT_EQ(answer(), "from a");
  EXPECT_TRUE(result_->sent);
  EXPECT_EQ(chain_->target().name(), "a");
  EXPECT_TRUE(b->calls.empty());
  EXPECT_EQ(counters_["a"].outcomes[0].load(), 1U);
}

TEST_F(DispatchChainTest, CallsThatAreOverAreLetGo) {
  const auto a = add("a");
  const auto b = add("b");
  start(std::nullopt, std::make_shared<NotingSink>());
  std::vector<std::weak_ptr<ScriptedCall>> calls{a->calls.front()};
  a->calls.front()->fail(ErrorCode::upstream_unavailable);
  calls.emplace_back(b->calls.front());
  b->calls.front()->answer("from b");
  a->calls.clear();
  b->calls.clear();
  EXPECT_FALSE(calls[1].expired()) << "it may be what calls back";
  io_.run();
  for (const auto& call : calls) EXPECT_TRUE(call.expired());
}

TEST_F(DispatchChainTest, FallbacksAreTriedInOrderUntilOneTakesIt) {
  add("a", failing(ErrorCode::upstream_unavailable));
  add("b", failing(ErrorCode::overloaded));
  add("c", failing(ErrorCode::timeout));
  const auto d = add("d", answering("from d"));
  const auto e = add("e", answering("from e"));
  start();
  EXPECT_EQ(answer(), "from d");
  EXPECT_EQ(chain_->target().name(), "d");
  EXPECT_THAT(attempts(), ElementsAre("a upstream_unavailable", "b overloaded", "c timeout", "d ok"));
  EXPECT_EQ(d->calls.at(0)->request->payload, "hello");
  EXPECT_TRUE(e->calls.empty());
  EXPECT_EQ(count("a", ErrorCode::upstream_unavailable), 1U);
  EXPECT_EQ(count("b", ErrorCode::overloaded), 1U);
  EXPECT_EQ(counters_["d"].outcomes[0].load(), 1U);
}

TEST_F(DispatchChainTest, WhenAllFailTheLastErrorIsTold) {
  add("a", failing(ErrorCode::upstream_unavailable));
  add("b", failing(ErrorCode::overloaded));
  start();
  EXPECT_EQ(answer(), "overloaded");
  EXPECT_FALSE(result_->sent);
  EXPECT_EQ(chain_->target().name(), "b");
}

TEST_F(DispatchChainTest, AfterBytesWereSentOnlyAnIdempotentTargetHasFallbacks) {
  for (const ErrorCode code : {ErrorCode::upstream_error, ErrorCode::upstream_timeout, ErrorCode::upstream_unavailable,
                               ErrorCode::overloaded}) {
    for (const bool idempotent : {false, true}) {
      targets_.clear();
      add("a", failing(code, true), idempotent);
      add("b", answering("from b"));
      completions_ = 0;
      start();
      EXPECT_EQ(answer(), idempotent ? "from b" : core::to_string(code));
      EXPECT_TRUE(result_->sent) << "something may have reached a target";
    }
  }
}

TEST_F(DispatchChainTest, WhatAnotherTargetWouldNotMendIsNotTried) {
  for (const ErrorCode code :
       {ErrorCode::cancelled, ErrorCode::bad_request, ErrorCode::forbidden, ErrorCode::internal}) {
    targets_.clear();
    add("a", failing(code), true);
    const auto b = add("b", answering("from b"));
    completions_ = 0;
    start();
    EXPECT_EQ(answer(), core::to_string(code));
    EXPECT_TRUE(b->calls.empty());
  }
}

TEST_F(DispatchChainTest, AReplyOfWhateverStatusIsAnAnswer) {
  add("a", [](const std::shared_ptr<ScriptedCall>& call) { call->answer("busy", 503); });
  const auto b = add("b", answering("from b"));
  start();
  EXPECT_EQ(result_->reply->status, 503);
  EXPECT_TRUE(b->calls.empty());
}

TEST_F(DispatchChainTest, NobodyIsAskedOnceTheRequestsTimeIsOver) {
  const auto a = add("a");
  const auto b = add("b", answering("from b"));
  start(std::chrono::milliseconds(-1));
  a->calls.at(0)->fail(ErrorCode::upstream_unavailable);
  EXPECT_EQ(answer(), "upstream_unavailable");
  EXPECT_TRUE(b->calls.empty());
}

TEST_F(DispatchChainTest, LateAnswersAreFallenBackFromJustTheSame) {
  const auto a = add("a");
  const auto b = add("b");
  start();
  a->calls.at(0)->fail(ErrorCode::upstream_unavailable);
  EXPECT_EQ(answer(), "nothing");
  EXPECT_EQ(counters_["a"].in_flight.load(), 0U);
  EXPECT_EQ(counters_["b"].in_flight.load(), 1U);
  b->calls.at(0)->answer("from b");
  EXPECT_EQ(answer(), "from b");
}

TEST_F(DispatchChainTest, CancelEndsTheCallUnderWayAndAsksNobodyElse) {
  const auto a = add("a", failing(ErrorCode::upstream_unavailable));
  const auto b = add("b");
  const auto c = add("c", answering("from c"));
  start();
  chain_->cancel();
  EXPECT_TRUE(b->calls.at(0)->was_cancelled);
  EXPECT_EQ(answer(), "cancelled");
  EXPECT_TRUE(c->calls.empty());
  chain_->cancel();
  EXPECT_EQ(completions_, 1);
}

TEST_F(DispatchChainTest, ACancelledCallThatEndsAsUnavailableIsNotFallenBackFrom) {
  const auto a = add("a");
  const auto b = add("b", answering("from b"));
  start();
  const auto call = a->calls.at(0);
  // As if the connection was refused just then.
  call->complete({core::Error{ErrorCode::upstream_unavailable, "refused"}, false});
  EXPECT_EQ(answer(), "from b");
  targets_.clear();
  completions_ = 0;
  const auto c = add("c");
  const auto d = add("d", answering("from d"));
  start();
  const std::weak_ptr<ScriptedCall> weak = c->calls.at(0);
  chain_->cancel();
  EXPECT_TRUE(d->calls.empty());
}

TEST_F(DispatchChainTest, ChunksArePassedOnAndAfterTheHeadNothingIsTriedAgain) {
  const auto a = add("a", failing(ErrorCode::upstream_unavailable), true);
  const auto b = add("b", nullptr, true);
  const auto c = add("c", answering("from c"));
  const auto sink = std::make_shared<NotingSink>();
  start(std::nullopt, sink);
  const auto call = b->calls.at(0);
  call->sink->on_head(206, "text/event-stream");
  EXPECT_TRUE(call->sink->on_bytes("one "));
  sink->takes_more = false;
  EXPECT_FALSE(call->sink->on_bytes("two"));
  chain_->resume();
  EXPECT_EQ(call->resumes, 1);
  call->fail(ErrorCode::upstream_error, true);
  EXPECT_EQ(answer(), "upstream_error");
  EXPECT_TRUE(c->calls.empty());
  EXPECT_THAT(sink->heads, ElementsAre("206 text/event-stream"));
  EXPECT_EQ(sink->body, "one two");
  EXPECT_EQ(sink.use_count(), 1) << "the sink is let go";
}

TEST_F(DispatchChainTest, WithoutASinkNoneIsGiven) {
  const auto a = add("a", answering("x"));
  start();
  EXPECT_EQ(a->calls.at(0)->sink, nullptr);
}

TEST_F(DispatchChainTest, ATargetsOwnAttemptsAreTold) {
  add("a", [](const std::shared_ptr<ScriptedCall>& call) {
    call->complete({core::Error{ErrorCode::upstream_unavailable, "no"},
                    false,
                    {{"http://x:1", "upstream_unavailable", 5}, {"http://x:2", "upstream_unavailable", 6}}});
  });
  add("b", answering("from b"));
  start();
  EXPECT_THAT(attempts(),
              ElementsAre("a/http://x:1 upstream_unavailable", "a/http://x:2 upstream_unavailable", "b ok"));
  EXPECT_EQ(chain_->attempts()[1].attempt.took_us, 6U);
}

TEST_F(DispatchChainTest, AFallbackThatIsTheChosenOneIsNotAskedTwice) {
  const auto a = add("a", failing(ErrorCode::upstream_unavailable));
  targets_.push_back(a);
  add("b", answering("from b"));
  start();
  EXPECT_EQ(answer(), "from b");
  EXPECT_EQ(a->calls.size(), 1U);
}

}  // namespace
}  // namespace semroute::router
