// Binary frames: peeked as they arrive, decoded as a request by the daemon's side and as a reply by the client's.
#include <cmath>
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/protocol/little_endian.h"

namespace semroute::router {
namespace {

void try_request(const std::string& frame) {
  static JsonDecoder json;
  FrameDecoder decoder(json);
  Request request;
  const auto error = decoder.decode(frame, request);
  if (error) {
    // The answer carries what was read, and reads back.
    std::string reply;
    encode_frame(static_cast<std::uint8_t>(frame[2]), request.id,
                 ErrorReply{.code = error->error.code, .message = error->error.message}, reply);
    const auto back = decode_reply(reply);
    SEMROUTE_CHECK(back.ok() && back->error && back->error->message == error->error.message);
    SEMROUTE_CHECK(std::to_string(back->id) == request.id.text);
    return;
  }
  if (request.op != Op::match && request.op != Op::route) return;
  SEMROUTE_CHECK(request.dimension > 0 && request.embeddings.size() == request.embedding_count * request.dimension);
  SEMROUTE_CHECK(request.embeddings.size() * sizeof(float) < frame.size());
  for (const float value : request.embeddings) SEMROUTE_CHECK(std::isfinite(value));
}

}  // namespace
}  // namespace semroute::router

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::router;
  std::string frame(reinterpret_cast<const char*>(data), size);
  const FramePeek peek = peek_frame(frame, 1 << 16);
  SEMROUTE_CHECK(!peek.header || peek.frame_bytes >= kFrameHeaderBytes);
  (void)decode_reply(frame);
  if (size < kFrameHeaderBytes) return 0;
  // A header that holds, so that the body is reached.
  put_at(kFrameMagic, 0, frame);
  put_at(kFrameVersion, 1, frame);
  put_at(static_cast<std::uint32_t>(size - kFrameHeaderBytes), 8, frame);
  try_request(frame);
  (void)decode_reply(frame);
  return 0;
}
