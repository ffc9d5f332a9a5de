// JSON lines: one UTF-8 object per line in, one per line out (docs/protocol.md, "JSON lines").
//
// decode_json_request fills `request` from one line (without its "\n"; a trailing "\r" is allowed).
// Embedding numbers are parsed straight into floats, and `payload` is kept byte for byte; there is
// no document tree. The encoders append one line, with its "\n", to `out`.
// Complexity: one pass. Allocates only to grow the request's own buffers.
// Threads: pure functions; JsonDecoder keeps parser memory and belongs to one thread.
// Errors: bad_request (naming the field), bad_vector (naming the embedding); whatever was read of
// `id` and `request_id` before or after the offence is in the request, so that the error reply carries it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/json_text.h"
#include "core/base/result.h"
#include "router/protocol/reply.h"
#include "router/protocol/reply_chunks.h"
#include "router/protocol/request.h"

namespace semroute::router {

// The rows of a frame's body, which its extras may name in place of vectors.
struct FrameRows {
  std::string_view floats;  // count * dimension float32, little-endian
  std::size_t dimension = 0;
  std::size_t count = 0;
};

class JsonDecoder {
 public:
  struct State;  // json_decoder_state.h

  JsonDecoder();
  ~JsonDecoder();
  [[nodiscard]] core::Result<void> decode(std::string_view line, Request& request);
  // The fields of `text`, a JSON object, merged into `request` whose op is known (the extras of a binary
  // frame, and the body of frames other than match and route). `id`, `op` and embeddings are refused here.
  [[nodiscard]] core::Result<void> decode_extras(std::string_view text, Request& request, const FrameRows& rows = {});

 private:
  std::unique_ptr<State> state_;
};

void encode_json(const RequestId& id, const DecisionReply& reply, std::string& out);
void encode_json(const RequestId& id, const ErrorReply& reply, std::string& out);
// What follows the head of a streamed reply: its chunks, and its end.
void encode_json(const RequestId& id, const ReplyChunk& chunk, std::string& out);
void encode_json(const RequestId& id, const StreamEnd& end, std::string& out);
// `members` is the inside of an object without braces ("\"version\":\"1\",..."):
// {"id":..,"ok":true,"request_id":..,members}
void encode_json_members(const RequestId& id, std::string_view request_id, std::string_view members, std::string& out);

// What the texts of this floor are put together from.
using config::append_json_number;
using config::append_json_string;
using config::append_json_value;

}  // namespace semroute::router
