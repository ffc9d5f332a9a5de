// Reply frames: what the daemon's side writes, the client's side reads back.
#include "router/protocol/client_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "router/protocol/frame_codec.h"
#include "tests/router/protocol/replies.h"

namespace semroute::router {
namespace {

using testing::HasSubstr;

const RequestId kId{"42", "n:42"};

ClientReply read_back(const std::string& frame) {
  const auto peek = peek_frame(frame, frame.size());
  EXPECT_EQ(peek.frame_bytes, frame.size());
  auto reply = decode_reply(frame);
  if (!reply.ok()) ADD_FAILURE() << reply.error().message;
  return reply.ok() ? std::move(*reply) : ClientReply{};
}

std::string decision_frame(Op op, const DecisionReply& reply) {
  std::string frame;
  encode_frame(op, kId, reply, frame);
  return frame;
}

TEST(ClientCodec, AMatchComesBack) {
  const ClientReply reply = read_back(decision_frame(Op::match, test::matched()));
  EXPECT_EQ(reply.op, static_cast<std::uint8_t>(Op::match));
  EXPECT_EQ(reply.id, 42U);
  EXPECT_FALSE(reply.error);
  EXPECT_EQ(reply.revision, 17U);
  ASSERT_EQ(reply.results.size(), 1U);
  const ClientResult& result = reply.results[0];
  EXPECT_EQ(result.decision, DecisionKind::matched);
  EXPECT_EQ(result.reason, Reason::passed);
  EXPECT_EQ(result.score, 0.83F);
  EXPECT_EQ(result.route, "billing");
  EXPECT_EQ(result.target, "billing-api");
  ASSERT_EQ(result.matches.size(), 2U);
  EXPECT_EQ(result.matches[1].route, "refund");
  EXPECT_EQ(result.matches[1].score, 0.41F);
  EXPECT_EQ(result.matches[1].threshold, 0.5);
  EXPECT_FALSE(result.matches[1].passed);
  EXPECT_EQ(reply.extras, R"({"request_id":"r-1","metadata":{"tier":"gold"}})");
}

TEST(ClientCodec, NoMatchHasNeitherRouteNorScore) {
  const ClientReply reply = read_back(decision_frame(Op::match, test::no_match()));
  EXPECT_EQ(reply.results.at(0).decision, DecisionKind::no_match);
  EXPECT_EQ(reply.results.at(0).reason, Reason::below_threshold);
  EXPECT_FALSE(reply.results.at(0).score);
  EXPECT_EQ(reply.results.at(0).route, "");
}

TEST(ClientCodec, ABatchComesBackInOrder) {
  DecisionReply two = test::matched();
  two.batch = true;
  two.decisions.push_back(test::no_match().decisions[0]);
  const ClientReply reply = read_back(decision_frame(Op::match, two));
  ASSERT_EQ(reply.results.size(), 2U);
  EXPECT_EQ(reply.results[0].route, "billing");
  EXPECT_EQ(reply.results[1].decision, DecisionKind::no_match);
  EXPECT_EQ(reply.extras, R"({"request_id":"r-1","results":[{"metadata":{"tier":"gold"}},{"metadata":{}}]})");
}

TEST(ClientCodec, ARouteBringsTheTargetsReply) {
  DecisionReply routed = test::matched();
  routed.route_op = true;
  EXPECT_FALSE(read_back(decision_frame(Op::route, routed)).dispatched);
  routed.dispatched = true;
  const std::string body("\x00\xFF{}", 4);
  routed.reply = TargetReplyView{503, "application/octet-stream", body};
  const ClientReply reply = read_back(decision_frame(Op::route, routed));
  EXPECT_TRUE(reply.dispatched);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.content_type, "application/octet-stream");
  EXPECT_EQ(reply.body, body);
}

TEST(ClientCodec, AnErrorComesBackWithWhatHadBeenDecided) {
  const DecisionReply decided = test::matched();
  ErrorReply error{.request_id = "r-2",
                   .code = core::ErrorCode::upstream_timeout,
                   .message = "too \xFF slow",
                   .retryable = true,
                   .sent = true,
                   .decision = &decided.decisions[0],
                   .revision = 17};
  std::string frame;
  encode_frame(static_cast<std::uint8_t>(Op::route), kId, error, frame);
  ClientReply reply = read_back(frame);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, core::ErrorCode::upstream_timeout);
  EXPECT_EQ(reply.error->message, error.message);
  EXPECT_TRUE(reply.retryable);
  EXPECT_EQ(reply.sent, true);
  EXPECT_TRUE(reply.results.empty());
  const auto extras = boost::json::parse(reply.extras).as_object();
  EXPECT_EQ(extras.at("request_id"), "r-2");
  EXPECT_EQ(extras.at("route"), "billing");
  EXPECT_EQ(extras.at("target"), "billing-api");
  EXPECT_EQ(extras.at("revision"), 17);
  EXPECT_EQ(extras.at("metadata").at("tier"), "gold");

  // Nothing dispatched, nothing decided, no op known.
  frame.clear();
  encode_frame(std::uint8_t{0}, RequestId{}, ErrorReply{.code = core::ErrorCode::bad_request}, frame);
  reply = read_back(frame);
  EXPECT_EQ(reply.op, 0);
  EXPECT_EQ(reply.id, 0U);
  EXPECT_EQ(reply.sent, std::nullopt);
  EXPECT_EQ(reply.extras, R"({"request_id":""})");

  // An error after `no_match` names no route.
  const DecisionReply none = test::no_match();
  error.decision = &none.decisions[0];
  error.sent = false;
  frame.clear();
  encode_frame(static_cast<std::uint8_t>(Op::route), kId, error, frame);
  reply = read_back(frame);
  EXPECT_EQ(reply.sent, false);
  EXPECT_THAT(reply.extras, testing::Not(HasSubstr("\"route\"")));
  EXPECT_NO_THROW((void)boost::json::parse(reply.extras));
}

TEST(ClientCodec, OtherOpsAnswerAJsonObject) {
  std::string frame;
  encode_frame_members(Op::ping, kId, "r-1", R"("version":"1")", frame);
  EXPECT_EQ(read_back(frame).extras, R"({"ok":true,"request_id":"r-1","version":"1"})");
  frame.clear();
  encode_frame_members(Op::stats, kId, "", "", frame);
  EXPECT_EQ(read_back(frame).extras, R"({"ok":true})");
}

TEST(ClientCodec, FramesInARowAreToldApart) {
  std::string bytes;
  encode_frame_members(Op::ping, {"1", "n:1"}, "", "", bytes);
  encode_frame(Op::match, {"2", "n:2"}, test::matched(), bytes);
  encode_frame(std::uint8_t{2}, {"3", "n:3"}, ErrorReply{}, bytes);
  std::vector<std::uint32_t> ids;
  while (!bytes.empty()) {
    const std::size_t length = peek_frame(bytes, bytes.size()).frame_bytes;
    ASSERT_LE(length, bytes.size());
    ids.push_back(read_back(bytes.substr(0, length)).id);
    bytes.erase(0, length);
  }
  EXPECT_THAT(ids, testing::ElementsAre(1, 2, 3));
}

TEST(ClientCodec, AFrameThatContradictsItselfIsRefused) {
  DecisionReply routed = test::matched();
  routed.route_op = routed.dispatched = true;
  routed.reply = TargetReplyView{200, "text/plain", "hi"};
  std::string error;
  encode_frame(std::uint8_t{1}, kId, ErrorReply{.message = "no"}, error);
  for (const std::string& frame :
       {decision_frame(Op::route, routed), decision_frame(Op::match, test::matched()), error}) {
    for (std::size_t length = 0; length < frame.size(); ++length) {
      std::string cut(frame, 0, length);
      EXPECT_FALSE(decode_reply(cut).ok()) << length;
      if (length < kFrameHeaderBytes) continue;
      const auto body = static_cast<std::uint32_t>(length - kFrameHeaderBytes);
      cut.replace(8, 4, reinterpret_cast<const char*>(&body), 4);
      EXPECT_FALSE(decode_reply(cut).ok()) << length;
    }
    EXPECT_FALSE(decode_reply(frame + 'x').ok());
  }
  EXPECT_FALSE(decode_reply("{\"id\":1}").ok());
}

}  // namespace
}  // namespace semroute::router
