// Request frames, byte by byte (faults.md 15-18, 21-23).
#include "router/protocol/frame_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "core/base/limits.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/little_endian.h"

namespace semroute::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array<float, 3> kVector{1.0F, -0.5F, 0.25F};
constexpr std::size_t kMost = 1 << 20;
constexpr std::size_t kCountAt = kFrameHeaderBytes + 4;
constexpr std::size_t kTopKAt = kFrameHeaderBytes + 8;

std::string frame_of(const ClientRequest& request) {
  std::string frame;
  encode_client_frame(request, frame);
  return frame;
}
std::string match_frame(std::string_view extras = {}) { return frame_of({.values = kVector, .extras = extras}); }
std::string route_frame() {
  return frame_of({.op = Op::route, .id = 9, .values = kVector, .content_type = "text/plain", .payload = "hello"});
}

template <class T>
std::string with(std::string frame, std::size_t at, T value) {
  put_at(value, at, frame);
  return frame;
}
// The body length follows the frame's.
std::string resized(std::string frame) {
  return with(frame, 8, static_cast<std::uint32_t>(frame.size() - kFrameHeaderBytes));
}

struct Decoded {
  Request request;
  std::optional<FrameError> error;

  [[nodiscard]] std::string code() const { return error ? std::string(core::to_string(error->error.code)) : "ok"; }
  [[nodiscard]] std::string message() const { return error ? error->error.message : ""; }
  [[nodiscard]] bool closes() const { return error && error->fatal; }
};
Decoded decoded(const std::string& frame) {
  JsonDecoder json;
  Decoded out;
  out.error = FrameDecoder(json).decode(frame, out.request);
  return out;
}

TEST(FrameCodec, AHeaderIsReadOnceAllOfItIsThere) {
  const std::string frame = route_frame();
  EXPECT_FALSE(peek_frame({}, kMost).header);
  for (std::size_t length = 0; length <= frame.size(); ++length) {
    const std::string part(frame, 0, length);
    const FramePeek peek = peek_frame(part, kMost);
    EXPECT_FALSE(peek.error);
    ASSERT_EQ(peek.header.has_value(), length >= kFrameHeaderBytes) << length;
    EXPECT_EQ(peek.frame_bytes, peek.header ? frame.size() : 0U);
  }
  const FramePeek peek = peek_frame(with(frame, 12, std::uint32_t{77}), kMost);
  EXPECT_EQ(peek.header->version, 1);
  EXPECT_EQ(peek.header->op, 2);
  EXPECT_EQ(peek.header->flags, 0);
  EXPECT_EQ(peek.header->request_id, 9U);
  EXPECT_EQ(peek.header->body_bytes, frame.size() - kFrameHeaderBytes);
  EXPECT_EQ(peek.header->timeout_ms, 77U);
}

TEST(FrameCodec, BadMagicCloses) {  // fault 15, told from the first byte
  for (int byte = 0; byte < 256; ++byte) {
    const std::string start(1, static_cast<char>(byte));
    const FramePeek peek = peek_frame(start, kMost);
    ASSERT_EQ(peek.error.has_value(), byte != kFrameMagic) << byte;
    if (!peek.error) continue;
    EXPECT_TRUE(peek.error->fatal);
    EXPECT_EQ(peek.error->error.code, core::ErrorCode::bad_request);
  }
}

TEST(FrameCodec, AnUnknownVersionCloses) {  // fault 16
  for (const int version : {0, 2, 255}) {
    const FramePeek peek = peek_frame(with(match_frame(), 1, static_cast<std::uint8_t>(version)), kMost);
    ASSERT_TRUE(peek.error);
    EXPECT_TRUE(peek.error->fatal);
    EXPECT_EQ(peek.error->error.code, core::ErrorCode::unsupported_version);
    EXPECT_EQ(peek.header->request_id, 1U);  // the reply can name it
  }
}

TEST(FrameCodec, ALengthOverTheLimitClosesFromTheHeaderAlone) {  // fault 17
  const std::string header = match_frame().substr(0, kFrameHeaderBytes);
  EXPECT_FALSE(peek_frame(with(header, 8, std::uint32_t{1024}), 1024).error);
  for (const std::uint32_t body_bytes : {1025U, 0xFFFFFFFFU}) {
    const FramePeek peek = peek_frame(with(header, 8, body_bytes), 1024);
    ASSERT_TRUE(peek.error);
    EXPECT_TRUE(peek.error->fatal);
    EXPECT_EQ(peek.error->error.code, core::ErrorCode::too_large);
  }
}

TEST(FrameCodec, AMatchIsReadWhole) {
  const ClientRequest asked{.id = 7,
                            .values = kVector,
                            .top_k = 4,
                            .explain = true,
                            .timeout_ms = 250,
                            .extras = R"({"request_id":"r","model":"m","score_threshold":0.5})"};
  const auto [request, error] = decoded(frame_of(asked));
  ASSERT_FALSE(error) << error->error.message;
  EXPECT_EQ(request.op, Op::match);
  EXPECT_EQ(request.id.text, "7");
  EXPECT_EQ(request.id.key, "n:7");
  EXPECT_THAT(request.embeddings, ElementsAre(1.0F, -0.5F, 0.25F));
  EXPECT_EQ(request.dimension, 3U);
  EXPECT_EQ(request.embedding_count, 1U);
  EXPECT_FALSE(request.batch);
  EXPECT_EQ(request.top_k, 4U);
  EXPECT_TRUE(request.explain);
  EXPECT_EQ(request.timeout_ms, 250U);
  EXPECT_EQ(request.request_id, "r");
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.score_threshold, 0.5);
}

TEST(FrameCodec, ARouteHasItsPayloadAndContentType) {
  const Decoded route = decoded(route_frame());
  ASSERT_FALSE(route.error) << route.message();
  EXPECT_EQ(route.request.op, Op::route);
  EXPECT_EQ(route.request.payload, "hello");
  EXPECT_EQ(route.request.payload_content_type, "text/plain");
  const Decoded json = decoded(frame_of({.op = Op::route, .values = kVector, .payload = "{}"}));
  EXPECT_EQ(json.request.payload, "{}");
  EXPECT_EQ(json.request.payload_content_type, "application/json");
  // Neither: null, as in JSON lines. A content type alone: an empty body of that type.
  EXPECT_EQ(decoded(frame_of({.op = Op::route, .values = kVector})).request.payload, "null");
  EXPECT_EQ(decoded(frame_of({.op = Op::route, .values = kVector, .content_type = "text/plain"})).request.payload, "");
}

TEST(FrameCodec, AContentTypeIsWhatAHeaderCanCarry) {
  const auto of_type = [](const std::string& type) {
    return decoded(frame_of({.op = Op::route, .values = kVector, .content_type = type}));
  };
  EXPECT_FALSE(of_type("text/plain; charset=utf-8").error);
  EXPECT_FALSE(of_type(std::string(core::kMaxRequestHeaderBytes, 'a')).error);
  for (const std::string& type :
       {std::string(" "), std::string(" a"), std::string("a\t"), std::string("a\r\nX: y"), std::string("a\0b", 3),
        std::string("t\xC3\xA9xt"), std::string(core::kMaxRequestHeaderBytes + 1, 'a')}) {
    const Decoded refused = of_type(type);
    ASSERT_TRUE(refused.error) << type.substr(0, 20);
    EXPECT_FALSE(refused.error->fatal);
    EXPECT_NE(refused.message().find("content type"), std::string::npos);
  }
}

TEST(FrameCodec, ABatchIsOneBody) {
  const std::array<float, 6> values{1, 2, 3, 4, 5, 6};
  const Decoded read = decoded(frame_of({.values = values, .count = 3}));
  ASSERT_FALSE(read.error) << read.message();
  EXPECT_TRUE(read.request.batch);
  EXPECT_EQ(read.request.embedding_count, 3U);
  EXPECT_EQ(read.request.dimension, 2U);
  EXPECT_THAT(read.request.embeddings, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(FrameCodec, AnIdOfZeroIsNone) {
  const Decoded read = decoded(frame_of({.id = 0, .values = kVector}));
  EXPECT_EQ(read.request.id.text, "0");
  EXPECT_EQ(read.request.id.key, "");
  EXPECT_EQ(decoded(frame_of({.id = 0xFFFFFFFFU, .values = kVector})).request.id.key, "n:4294967295");
}

TEST(FrameCodec, OtherOpsHaveTheirExtrasAlone) {
  EXPECT_EQ(decoded(frame_of({.op = Op::ping})).code(), "ok");
  EXPECT_EQ(decoded(frame_of({.op = Op::routes_list, .extras = R"({"request_id":"r"})"})).request.request_id, "r");
  EXPECT_EQ(decoded(frame_of({.op = Op::cancel, .extras = R"({"request":7})"})).request.cancel_request.key, "n:7");
  EXPECT_EQ(decoded(frame_of({.op = Op::routes_get, .extras = R"({"name":"b"})"})).request.route_name, "b");
  EXPECT_EQ(decoded(frame_of({.op = Op::cancel})).code(), "bad_request");
  const Decoded timed = decoded(frame_of({.op = Op::ping, .timeout_ms = 5}));
  EXPECT_THAT(timed.message(), HasSubstr("timeout_ms"));
  EXPECT_FALSE(timed.closes());
}

TEST(FrameCodec, LengthsThatContradictTheBodyClose) {  // fault 18
  for (const std::string& frame : {match_frame(R"({"model":"m"})"), route_frame(), frame_of({.op = Op::ping})}) {
    // Cut off anywhere, and one byte more.
    for (std::size_t length = kFrameHeaderBytes; length < frame.size(); ++length) {
      const Decoded cut = decoded(resized(std::string(frame, 0, length)));
      EXPECT_TRUE(cut.closes()) << length << ": " << cut.message();
      EXPECT_EQ(cut.code(), "bad_request");
    }
    EXPECT_TRUE(decoded(resized(frame + '\0')).closes());
  }
  const std::string route = route_frame();
  const std::size_t type_at = kFrameHeaderBytes + 12 + sizeof kVector;
  for (const std::string& frame : {
           with(route, kFrameHeaderBytes, std::uint32_t{2}),
           with(route, kFrameHeaderBytes, std::uint32_t{4}),
           with(route, kFrameHeaderBytes, std::uint32_t{0}),
           with(route, kCountAt, std::uint32_t{0}),
           with(route, kCountAt, std::uint32_t{2}),
           with(route, kCountAt, std::uint32_t{0xFFFFFFFF}),
           with(route, type_at, std::uint16_t{9}),
           with(route, type_at, std::uint16_t{0xFFFF}),
           with(route, type_at + 12, std::uint32_t{6}),
           with(route, type_at + 12, std::uint32_t{0xFFFFFFFF}),
           with(route, route.size() - 4, std::uint32_t{1}),
           // dimension * count * 4 is 0 or 12 in 32, and in 64 bits.
           with(with(route, kFrameHeaderBytes, std::uint32_t{0x80000000}), kCountAt, std::uint32_t{0x80000000}),
           with(with(route, kFrameHeaderBytes, std::uint32_t{0x40000003}), kCountAt, std::uint32_t{1}),
           with(with(route, kFrameHeaderBytes, std::uint32_t{0xFFFFFFFF}), kCountAt, std::uint32_t{0xFFFFFFFF}),
       }) {
    const Decoded refused = decoded(frame);
    EXPECT_TRUE(refused.closes());
    EXPECT_THAT(refused.message(), HasSubstr("contradict"));
    EXPECT_EQ(refused.request.id.text, "9");
  }
}

TEST(FrameCodec, ContradictionsComeBeforeEverythingElse) {  // fault 18 before 21 to 23
  std::string frame = with(match_frame(), 3, std::uint8_t{0x80});
  frame = with(frame, kFrameHeaderBytes + 12, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(decoded(frame).closes());
  frame.pop_back();
  EXPECT_TRUE(decoded(resized(frame)).closes());
}

TEST(FrameCodec, AnotherDimensionIsTakenAsStated) {  // fault 21: the index is asked later
  const std::array<float, 7> values{};
  EXPECT_EQ(decoded(frame_of({.values = values})).request.dimension, 7U);
  const Decoded none = decoded(
      resized(with(match_frame().erase(kFrameHeaderBytes + 12, sizeof kVector), kFrameHeaderBytes, std::uint32_t{0})));
  EXPECT_EQ(none.code(), "bad_vector");
  EXPECT_FALSE(none.closes());
}

TEST(FrameCodec, NotFiniteBitsAreNamed) {  // fault 22
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    const Decoded one = decoded(with(match_frame(), kFrameHeaderBytes + 12 + 4, wrong));
    EXPECT_EQ(one.code(), "bad_vector");
    EXPECT_FALSE(one.closes());
    EXPECT_THAT(one.message(), HasSubstr("embedding: number 1 is not finite"));
    const std::array<float, 6> values{1, 2, 3, 4, 5, wrong};
    EXPECT_THAT(decoded(frame_of({.values = values, .count = 3})).message(),
                HasSubstr("embeddings[2]: number 1 is not finite"));
  }
}

TEST(FrameCodec, UnknownOpsAndReservedBitsAreKept) {  // fault 23
  for (int op = 0; op < 256; ++op) {
    const Decoded read = decoded(with(match_frame(), 2, static_cast<std::uint8_t>(op)));
    if (op >= static_cast<int>(Op::match) && op <= static_cast<int>(Op::routes_batch)) continue;
    EXPECT_EQ(read.code(), "bad_request") << op;
    EXPECT_FALSE(read.closes()) << op;
    EXPECT_THAT(read.message(), HasSubstr("op " + std::to_string(op)));
    EXPECT_EQ(read.request.id.text, "1");
  }
  for (int bit = 1; bit < 8; ++bit) {
    const Decoded read = decoded(with(match_frame(), 3, static_cast<std::uint8_t>(1U << static_cast<unsigned>(bit))));
    EXPECT_EQ(read.code(), "bad_request") << bit;
    EXPECT_FALSE(read.closes());
    EXPECT_THAT(read.message(), HasSubstr("reserved"));
  }
  EXPECT_FALSE(decoded(with(frame_of({.op = Op::ping}), 3, kFrameFlagExplain)).closes());
  EXPECT_EQ(decoded(with(frame_of({.op = Op::ping}), 3, kFrameFlagExplain)).code(), "bad_request");
  EXPECT_THAT(decoded(with(match_frame(), kTopKAt + 2, std::uint16_t{1})).message(), HasSubstr("reserved"));
}

TEST(FrameCodec, NumbersOutOfRangeAreKept) {
  EXPECT_EQ(decoded(with(match_frame(), kTopKAt, std::uint16_t{1000})).request.top_k, 1000U);
  EXPECT_EQ(decoded(with(match_frame(), 12, core::kMaxTimeoutMs)).request.timeout_ms, core::kMaxTimeoutMs);
  const std::array<float, 6> six{};
  for (const std::string& frame : {
           with(match_frame(), kTopKAt, std::uint16_t{1001}),
           with(match_frame(), 12, core::kMaxTimeoutMs + 1),
           frame_of({.op = Op::route, .values = six, .count = 2}),
           frame_of({.op = Op::route, .values = kVector, .content_type = "text/\x7F"}),
           frame_of({.op = Op::route, .values = kVector, .content_type = "a\r\nx: y"}),
           frame_of({.op = Op::route, .values = kVector, .content_type = "caf\xC3\xA9"}),
           frame_of({.values = {}, .count = 0}),
       }) {
    const Decoded read = decoded(frame);
    EXPECT_EQ(read.code(), "bad_request");
    EXPECT_FALSE(read.closes());
  }
}

TEST(FrameCodec, WhatIsWrongInExtrasIsNamedAndKept) {
  struct Case {
    const char* extras;
    const char* named;
  };
  for (const auto& [extras, named] :
       {Case{"{", "malformed"}, Case{"[]", "object"}, Case{R"({"topk":1})", "topk"}, Case{R"({"id":1})", "id"},
        Case{R"({"embedding":[1]})", "embedding"}, Case{R"({"filter":{"a":1}})", "filter"},
        Case{R"({"score_threshold":1e400})", "score_threshold"},
        Case{R"({"request_id":"r","request_id":"r"})", "twice"}, Case{"{\"model\":\"\xFF\"}", "UTF-8"}}) {
    const Decoded read = decoded(match_frame(extras));
    EXPECT_EQ(read.code(), "bad_request") << extras;
    EXPECT_FALSE(read.closes()) << extras;
    EXPECT_THAT(read.message(), testing::AllOf(testing::StartsWith("extras: "), HasSubstr(named))) << extras;
  }
  // The frame's own fields win over those of its extras.
  const Decoded both = decoded(frame_of({.values = kVector, .top_k = 5, .extras = R"({"top_k":2,"explain":false})"}));
  EXPECT_EQ(both.request.top_k, 5U);
  EXPECT_EQ(decoded(match_frame(R"({"top_k":2,"explain":true})")).request.top_k, 2U);
}

std::string put_frame() {
  return frame_of({.op = Op::routes_put,
                   .id = 3,
                   .values = std::array<float, 6>{1, 2, 3, 4, 5, 6},
                   .count = 3,
                   .extras = R"({"route":{"name":"a","references":{"rows":[0,2]},"negatives":{"rows":[2,1]}}})"});
}

TEST(FrameCodec, ChangesBringTheirVectorsInTheBody) {
  const Decoded read = decoded(put_frame());
  ASSERT_EQ(read.code(), "ok") << read.message();
  EXPECT_EQ(read.request.op, Op::routes_put);
  EXPECT_EQ(read.request.change.name, "a");
  EXPECT_THAT(read.request.change.references.values, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(read.request.change.negatives.values, ElementsAre(5, 6));
  const Decoded gone = decoded(frame_of({.op = Op::routes_delete, .extras = R"({"name":"a"})"}));
  EXPECT_EQ(gone.code(), "ok") << gone.message();
  EXPECT_EQ(gone.request.route_name, "a");
  const Decoded none = decoded(frame_of({.op = Op::routes_patch, .extras = R"({"name":"a","remove":[0]})"}));
  EXPECT_EQ(none.code(), "ok") << none.message();
}

TEST(FrameCodec, ChangesWhoseLengthsContradictClose) {  // fault 18
  const std::string frame = put_frame();
  for (const std::uint32_t count : {0U, 2U, 4U, 0xFFFFFFFFU})
    EXPECT_TRUE(decoded(with(frame, kCountAt, count)).closes());
  for (const std::uint32_t dimension : {1U, 3U, 0xFFFFFFFFU})
    EXPECT_TRUE(decoded(with(frame, kFrameHeaderBytes, dimension)).closes());
  for (std::size_t bytes = kFrameHeaderBytes; bytes < frame.size(); ++bytes)
    EXPECT_TRUE(decoded(resized(frame.substr(0, bytes))).closes()) << bytes;
  const std::string flat = with(with(frame, kFrameHeaderBytes, std::uint32_t{0}), kCountAt, std::uint32_t{6});
  EXPECT_EQ(decoded(resized(flat.substr(0, 24) + flat.substr(48))).code(), "bad_vector") << "rows without numbers";
}

TEST(FrameCodec, ChangesHaveALimitOfTheirOwn) {
  const std::string frame = put_frame();
  const std::size_t body = frame.size() - kFrameHeaderBytes;
  EXPECT_FALSE(peek_frame(frame, 10, body).error);
  EXPECT_EQ(peek_frame(frame, 10, body - 1).error->error.code, core::ErrorCode::too_large);
  EXPECT_THAT(peek_frame(frame, 10, body - 1).error->error.message, HasSubstr("limits.max_change"));
  EXPECT_TRUE(peek_frame(frame, 10).error);
  EXPECT_THAT(peek_frame(match_frame(), 10, 1000).error->error.message, HasSubstr("limits.max_request"));
}

}  // namespace
}  // namespace semroute::router
