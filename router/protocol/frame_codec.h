// Binary frames (docs/protocol.md, "Binary frames"): a 16-byte header, then fields, all little-endian.
//
// peek_frame looks at the bytes that have arrived and says how long the next frame is, before
// anything is allocated. FrameDecoder turns one whole frame into a Request; the encoders append one frame
// to `out`. No I/O here.
// Threads: pure functions; FrameDecoder belongs to one thread.
// Errors: each says whether the connection can go on (`fatal` false) or must close.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/reply.h"
#include "router/protocol/request.h"

namespace semroute::router {

inline constexpr std::uint8_t kFrameMagic = 0xA7;
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::uint8_t kFrameFlagExplain = 0x01;  // request
inline constexpr std::uint8_t kFrameReplyBit = 0x80;     // in a reply's op byte
inline constexpr std::uint8_t kFrameFlagError = 0x01;    // reply
inline constexpr std::uint8_t kFrameFlagBatch = 0x02;    // reply
inline constexpr std::uint8_t kFrameFlagMore = 0x04;     // reply: another frame of the same reply follows
inline constexpr std::uint8_t kFrameFlagChunk = 0x08;    // reply: follows a head; a chunk, or without `more` the end

struct FrameError {
  core::Error error;
  bool fatal = false;
};

struct FrameHeader {
  std::uint8_t version = 0;
  std::uint8_t op = 0;
  std::uint8_t flags = 0;
  std::uint32_t request_id = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t timeout_ms = 0;
};

struct FramePeek {
  std::optional<FrameHeader> header;  // unset: fewer than 16 bytes have arrived
  std::size_t frame_bytes = 0;        // header and body, once the header is known
  std::optional<FrameError> error;    // bad magic, unknown version, body over the limit: always fatal
};

// `max_change_bytes`: for frames that change routes; 0: as for all.
[[nodiscard]] FramePeek peek_frame(std::string_view bytes, std::size_t max_request_bytes,
                                   std::size_t max_change_bytes = 0);

class FrameDecoder {
 public:
  explicit FrameDecoder(JsonDecoder& json) : json_(json) {}
  // `frame` is one whole frame (peek_frame's frame_bytes). Nothing when it is well-formed. The frame's request id is in
  // `request` whenever the header could be read. Lengths that contradict the fields are fatal and come
  // before every other check of the body.
  [[nodiscard]] std::optional<FrameError> decode(std::string_view frame, Request& request);

 private:
  JsonDecoder& json_;
};

void encode_frame(Op op, const RequestId& id, const DecisionReply& reply, std::string& out);
// `op` 0 when the request's could not be read.
void encode_frame(std::uint8_t op, const RequestId& id, const ErrorReply& reply, std::string& out);
// What follows the head of a streamed reply. A chunk's body is its bytes; the end's is a JSON object, or that of an
// error.
void encode_frame(Op op, const RequestId& id, const ReplyChunk& chunk, std::string& out);
void encode_frame(Op op, const RequestId& id, const StreamEnd& end, std::string& out);
// Replies of the other verbs: the body is the JSON object {"ok":true,"request_id":..,members}.
void encode_frame_members(Op op, const RequestId& id, std::string_view request_id, std::string_view members,
                          std::string& out);

}  // namespace semroute::router
