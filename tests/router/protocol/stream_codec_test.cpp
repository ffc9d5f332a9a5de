// The lines and frames of a streamed reply.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/protocol/json_codec.h"
#include "tests/router/protocol/replies.h"

namespace semroute::router {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const RequestId kId{"7", "n:7"};

DecisionReply whole() {
  DecisionReply reply = test::matched();
  reply.route_op = true;
  reply.dispatched = true;
  reply.reply = TargetReplyView{200, "text/plain", "hello"};
  return reply;
}

DecisionReply head() {
  DecisionReply reply = whole();
  reply.reply = TargetReplyView{206, "text/event-stream", {}};
  reply.more = true;
  return reply;
}

StreamEnd failed_end() {
  StreamEnd end;
  end.error = core::Error{core::ErrorCode::upstream_error, "broke \"off\""};
  end.explain = true;
  end.attempts = {{"api", "http://x:1", "upstream_error", 7}};
  return end;
}

std::string line_of(const auto& part) {
  std::string out;
  encode_json(kId, part, out);
  return out;
}

ClientReply decoded(const auto& part) {
  std::string frame;
  encode_frame(Op::route, kId, part, frame);
  const auto reply = decode_reply(frame);
  EXPECT_TRUE(reply.ok());
  return reply.ok() ? *reply : ClientReply{};
}

TEST(StreamCodec, AHeadHasTheDecisionAndNoBody) {
  const std::string line = line_of(head());
  EXPECT_THAT(line, HasSubstr("\"decision\":\"matched\""));
  EXPECT_TRUE(
      line.ends_with(R"("dispatched":true,"reply":{"status":206,"content_type":"text/event-stream"},"more":true})"
                     "\n"))
      << line;
  const ClientReply frame = decoded(head());
  EXPECT_TRUE(frame.more);
  EXPECT_FALSE(frame.is_chunk);
  EXPECT_EQ(frame.status, 206);
  EXPECT_EQ(frame.content_type, "text/event-stream");
  EXPECT_EQ(frame.body, "");
  EXPECT_EQ(frame.results.size(), 1U);
}

TEST(StreamCodec, AWholeReplySaysNothingOfMore) {
  EXPECT_THAT(line_of(whole()), Not(HasSubstr("\"more\"")));
  EXPECT_FALSE(decoded(whole()).more);
}

TEST(StreamCodec, ChunksAreTextOrBase64) {
  EXPECT_EQ(line_of(ReplyChunk{"a\n\"ü\"", true}), "{\"id\":7,\"chunk\":\"a\\n\\\"ü\\\"\"}\n");
  EXPECT_EQ(line_of(ReplyChunk{"\xFF\xFE", false}), "{\"id\":7,\"chunk_base64\":\"//4=\"}\n");
  for (const std::string& bytes : {std::string("a\0b", 3), std::string("\xFF")}) {
    const ClientReply frame = decoded(ReplyChunk{bytes, false});
    EXPECT_TRUE(frame.is_chunk && frame.more);
    EXPECT_EQ(frame.body, bytes);
    EXPECT_EQ(frame.id, 7U);
  }
}

TEST(StreamCodec, TheEndSaysWhetherItIsComplete) {
  EXPECT_EQ(line_of(StreamEnd{}), "{\"id\":7,\"done\":true}\n");
  EXPECT_EQ(
      line_of(failed_end()),
      R"({"id":7,"done":true,"attempts":[{"target":"api","endpoint":"http://x:1","outcome":"upstream_error",)"
      R"("took_us":7}],"error":{"code":"upstream_error","message":"broke \"off\"","sent":true,"retryable":false}})"
      "\n");
  const ClientReply done = decoded(StreamEnd{});
  EXPECT_TRUE(done.is_chunk);
  EXPECT_FALSE(done.more || done.error);
  EXPECT_EQ(done.extras, "{}");
  const ClientReply failed = decoded(failed_end());
  EXPECT_TRUE(failed.is_chunk && failed.error);
  EXPECT_FALSE(failed.more);
  EXPECT_EQ(failed.error->code, core::ErrorCode::upstream_error);
  EXPECT_EQ(failed.error->message, "broke \"off\"");
  EXPECT_EQ(failed.sent, true);
  EXPECT_THAT(failed.extras, HasSubstr("\"attempts\":[{"));
}

}  // namespace
}  // namespace semroute::router
