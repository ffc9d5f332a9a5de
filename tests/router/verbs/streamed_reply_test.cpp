// A streamed reply on its way through a worker and its connection, from a target that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <map>

#include "tests/router/verbs/scripted_worker.h"
#include "tests/support/eventually.h"

namespace semroute::router {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using core::ErrorCode;
using test::ScriptedCall;
using ::testing::HasSubstr;
using ::testing::Not;

using StreamedReply = test::ScriptedWorkerTest;

constexpr const char* kDone = R"({"id":1,"done":true})";

TEST_F(StreamedReply, ComesLineByLineAsItsTargetSendsIt) {
  begin();
  ask();
  const auto call = this->call(api_);
  head(call);
  const std::string first = line();
  EXPECT_THAT(first, HasSubstr(R"({"id":1,"ok":true,"request_id":"r","decision":"matched")"));
  EXPECT_THAT(first, HasSubstr(R"("target":"api")"));
  EXPECT_TRUE(
      first.ends_with(R"("dispatched":true,"reply":{"status":200,"content_type":"text/event-stream"},"more":true})"));
  EXPECT_TRUE(bytes(call, "data: one\n\n"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"data: one\n\n"})");
  EXPECT_TRUE(bytes(call, "gr\xC3"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"gr"})");
  EXPECT_TRUE(bytes(call, "\xBC\xC3\x9F"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"üß"})");
  EXPECT_TRUE(bytes(call, "\xFF\xFE"));
  EXPECT_EQ(line(), R"({"id":1,"chunk_base64":"//4="})");
  on_worker([&] { call->answer(""); });
  EXPECT_EQ(line(), kDone);
  // The id is free again, and the connection goes on.
  send("{\"id\":1,\"op\":\"ping\"}\n");
  EXPECT_THAT(line(), HasSubstr("\"ok\":true"));
}

TEST_F(StreamedReply, ComesFrameByFrame) {
  begin();
  send(route_frame());
  const auto call = this->call(api_);
  head(call);
  const ClientReply first = frame();
  EXPECT_EQ(first.id, 9U);
  EXPECT_TRUE(first.more && !first.is_chunk && first.dispatched);
  EXPECT_EQ(first.content_type, "text/event-stream");
  EXPECT_TRUE(bytes(call, "a\xC3"));
  const ClientReply chunk = frame();
  EXPECT_TRUE(chunk.is_chunk && chunk.more);
  EXPECT_EQ(chunk.body, "a\xC3") << "in frames no byte waits for another";
  on_worker([&] { call->answer(""); });
  const ClientReply end = frame();
  EXPECT_TRUE(end.is_chunk && !end.more && !end.error);
}

TEST_F(StreamedReply, AReplyThatComesWholeIsCutUp) {
  begin();
  ask();
  const auto call = this->call(api_);
  on_worker([&] { call->answer("all of it", 404); });
  EXPECT_THAT(line(), HasSubstr(R"("reply":{"status":404,"content_type":"text/plain"},"more":true})"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"all of it"})");
  EXPECT_EQ(line(), kDone);
  ask();
  const auto second = this->call(api_, 1);
  on_worker([&] { second->answer(""); });
  EXPECT_THAT(line(), HasSubstr("\"more\":true"));
  EXPECT_EQ(line(), kDone) << "an empty body has no chunk";
  ask();
  const auto third = this->call(api_, 2);
  const std::string large(100'000, 'x');
  on_worker([&] { third->answer(large); });
  EXPECT_THAT(line(), HasSubstr("\"more\":true"));
  std::string body;
  for (std::string part = line(); part != kDone; part = line()) {
    EXPECT_THAT(part, HasSubstr("{\"id\":1,\"chunk\":\"x"));
    body += part.substr(17, part.size() - 19);
  }
  EXPECT_EQ(body, large);
}

TEST_F(StreamedReply, BeforeItsHeadItFailsAsAnyOther) {
  begin();
  ask();
  const auto call = this->call(api_);
  on_worker([&] { call->fail(ErrorCode::upstream_timeout, true); });
  const std::string failed = line();
  EXPECT_THAT(failed, HasSubstr("\"ok\":false"));
  EXPECT_THAT(failed, HasSubstr("\"code\":\"upstream_timeout\""));
  EXPECT_THAT(failed, Not(HasSubstr("\"done\"")));
}

TEST_F(StreamedReply, BeforeItsHeadItHasFallbacksAfterItNone) {
  begin();
  ask(R"(,"explain":true)");
  on_worker([&] { return 0; });
  const auto first = call(api_);
  on_worker([&] { first->fail(ErrorCode::upstream_unavailable); });
  const auto second = call(spare_);
  head(second);
  const std::string begun = line();
  EXPECT_THAT(begun, HasSubstr("\"target\":\"spare\""));
  EXPECT_THAT(begun, HasSubstr(R"("attempts":[{"target":"api","outcome":"upstream_unavailable")"));
  EXPECT_TRUE(bytes(second, "half"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"half"})");
  on_worker([&] { second->fail(ErrorCode::upstream_error, true); });
  const std::string end = line();
  EXPECT_THAT(end, HasSubstr(R"({"id":1,"done":true,"attempts":[{"target":"api","outcome":"upstream_unavailable")"));
  EXPECT_THAT(end, HasSubstr(R"({"target":"spare","outcome":"upstream_error")"));
  EXPECT_TRUE(
      end.ends_with(R"("error":{"code":"upstream_error","message":"scripted","sent":true,"retryable":false}})"));
}

TEST_F(StreamedReply, CancelEndsItWithAnError) {
  begin();
  ask();
  const auto call = this->call(api_);
  head(call);
  EXPECT_THAT(line(), HasSubstr("\"more\":true"));
  send("{\"id\":2,\"op\":\"cancel\",\"request\":1}\n");
  const std::string both = line() + line();
  EXPECT_THAT(both, HasSubstr(R"({"id":1,"done":true,"error":{"code":"cancelled")"));
  EXPECT_THAT(both, HasSubstr(R"({"id":2,"ok":true)"));
  EXPECT_TRUE(on_worker([&] { return call->was_cancelled; }));
}

TEST_F(StreamedReply, AClientThatResetsCancelsIt) {
  begin();
  ask();
  const auto call = this->call(api_);
  head(call);
  EXPECT_THAT(line(), HasSubstr("\"more\":true"));
  client_.set_option(asio::socket_base::linger(true, 0));
  client_.close();
  EXPECT_TRUE(semroute::test::eventually([&] { return on_worker([&] { return call->was_cancelled; }); }));
}

// Feeds a call as a target does: while the sink takes it, and on from where it was told to resume.
struct Feeder {
  Feeder(std::shared_ptr<ScriptedCall> to, std::size_t bytes) : call(std::move(to)), left(bytes) {}
  void feed() {
    while (left > 0) {
      const std::size_t n = std::min(left, piece.size());
      left -= n;
      if (!call->sink->on_bytes(std::string_view(piece).substr(0, n))) return;
    }
    if (!call->is_over()) call->answer("");
  }
  std::shared_ptr<ScriptedCall> call;
  std::size_t left;
  std::string piece = std::string(64 * 1024, 'x');
};

TEST_F(StreamedReply, AClientThatDoesNotReadMakesTheTargetWaitAndLosesNothing) {
  begin();
  send(route_frame());
  const auto call = this->call(api_);
  constexpr std::size_t kBytes = std::size_t{100} << 20;
  Feeder feeder(call, kBytes);
  on_worker([&] {
    call->on_resume = [&] { feeder.feed(); };
    call->sink->on_head(200, "text/plain");
    feeder.feed();
  });
  // The system takes some megabytes of it; when it takes no more, so does the session.
  std::size_t before = 0;
  const auto left = [&] { return on_worker([&] { return feeder.left; }); };
  EXPECT_TRUE(semroute::test::eventually([&] {
    const std::size_t now = left();
    return std::exchange(before, now) == now;
  }));
  EXPECT_LT(kBytes - left(), std::size_t{32} << 20) << "bounded, and far from all";
  // Another connection of the worker is served meanwhile.
  tcp::socket other = connect();
  asio::write(other, asio::buffer(std::string("{\"op\":\"ping\"}\n")));
  std::string pong;
  asio::read_until(other, asio::dynamic_buffer(pong), '\n');
  EXPECT_THAT(pong, HasSubstr("\"ok\":true"));
  other.close();

  EXPECT_TRUE(frame().more);
  std::size_t got = 0;
  for (ClientReply part = frame(); part.more; part = frame()) {
    ASSERT_EQ(part.body.find_first_not_of('x'), std::string::npos);
    got += part.body.size();
  }
  EXPECT_EQ(got, kBytes);
  EXPECT_GT(on_worker([&] { return call->resumes; }), 0);
}

TEST_F(StreamedReply, ManyOnOneConnectionShareItsRoomUnderASmallBound) {
  config::LimitsConfig limits;
  limits.max_output_buffer = 4 * 1024;
  begin(limits);
  constexpr std::size_t kStreams = 20;
  constexpr std::size_t kBytes = 300'000;
  for (std::uint32_t id = 1; id <= kStreams; ++id) send(route_frame(id));
  std::vector<std::unique_ptr<Feeder>> feeders;
  for (std::size_t i = 0; i < kStreams; ++i) {
    const auto call = this->call(api_, i);
    feeders.push_back(std::make_unique<Feeder>(call, kBytes));
    on_worker([&, feeder = feeders.back().get()] {
      call->on_resume = [feeder] { feeder->feed(); };
      call->sink->on_head(200, "text/plain");
      feeder->feed();
    });
  }
  std::map<std::uint32_t, std::size_t> got;
  for (std::size_t ended = 0; ended < kStreams;) {
    const ClientReply part = frame();
    ASSERT_FALSE(part.error) << part.error->message;
    if (part.is_chunk && part.more) got[part.id] += part.body.size();
    if (!part.more) ++ended;
  }
  for (std::uint32_t id = 1; id <= kStreams; ++id) EXPECT_EQ(got[id], kBytes) << id;
  EXPECT_EQ(control_.metrics().totals().output_overflow, 0U);
}

TEST_F(StreamedReply, AClientThatStopsReadingIsClosedAndItsTargetCancelled) {
  config::LimitsConfig limits;
  limits.write_timeout = std::chrono::milliseconds(100);
  begin(limits);
  send(route_frame());
  const auto call = this->call(api_);
  Feeder feeder(call, std::size_t{1} << 40);
  on_worker([&] {
    call->on_resume = [&] { feeder.feed(); };
    call->sink->on_head(200, "text/plain");
    feeder.feed();
  });
  EXPECT_TRUE(semroute::test::eventually([&] { return on_worker([&] { return call->was_cancelled; }); }));
  EXPECT_EQ(control_.metrics().totals().timed_out, 1U);
}

TEST_F(StreamedReply, WhatWaitsForAClientIsDroppedWhenItIsCancelled) {
  begin();
  ask();
  const auto call = this->call(api_);
  // Whole, and more than the system takes: the target has long said all.
  on_worker([&] { call->answer(std::string(std::size_t{64} << 20, 'x')); });
  send("{\"id\":2,\"op\":\"cancel\",\"request\":1}\n");
  std::string last;
  std::size_t got = 0;
  for (last = line(); last.find("\"done\"") == std::string::npos; last = line()) got += last.size();
  EXPECT_THAT(last, HasSubstr(R"({"id":1,"done":true,"error":{"code":"cancelled")"));
  EXPECT_LT(got, std::size_t{64} << 20);
  EXPECT_THAT(line(), HasSubstr(R"({"id":2,"ok":true)"));
}

TEST_F(StreamedReply, AHeadThatIsTooLargeEndsIt) {
  config::LimitsConfig limits;
  limits.max_output_buffer = 1024;
  begin(limits);
  ask();
  const auto call = this->call(api_);
  on_worker([&] { call->sink->on_head(200, "text/" + std::string(2'000, 'x')); });
  EXPECT_THAT(line(), HasSubstr(R"("code":"too_large")"));
  EXPECT_TRUE(semroute::test::eventually([&] { return on_worker([&] { return call->is_over(); }); }));
  send("{\"id\":3,\"op\":\"ping\"}\n");
  EXPECT_THAT(line(), HasSubstr("{\"id\":3,\"ok\":true")) << "nothing of it follows";
}

TEST_F(StreamedReply, ADrainWaitsForItUntilItsTimeIsOver) {
  begin();
  ask();
  const auto call = this->call(api_);
  head(call);
  EXPECT_THAT(line(), HasSubstr("\"more\":true"));
  worker_->begin_drain();
  const auto drained = [this] {
    std::promise<bool> answer;
    worker_->ask_drained([&](bool yes) { answer.set_value(yes); });
    return answer.get_future().get();
  };
  EXPECT_FALSE(drained());
  EXPECT_TRUE(bytes(call, "still here"));
  EXPECT_EQ(line(), R"({"id":1,"chunk":"still here"})");
  worker_->finish_drain([] {});
  EXPECT_THAT(line(), HasSubstr(R"({"id":1,"done":true,"error":{"code":"cancelled")"));
}

TEST_F(StreamedReply, AnUndispatchedOneIsOneLine) {
  begin();
  send(R"({"id":4,"embedding":[0,1],"stream":true})"
       "\n");
  const std::string only = line();
  EXPECT_THAT(only, HasSubstr("\"decision\":\"no_match\""));
  EXPECT_THAT(only, Not(HasSubstr("\"more\"")));
}

}  // namespace
}  // namespace semroute::router
