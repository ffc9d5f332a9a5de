#include "router/tool/wire.h"

#include "core/base/check.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/protocol/json_codec.h"

namespace semroute::router::tool {
namespace {

constexpr std::size_t kIdOffset = 4;  // in a frame's header

void append_array(std::span<const float> row, std::string& out) {
  out += '[';
  for (const float number : row) {
    if (out.back() != '[') out += ',';
    append_json_number(number, out);
  }
  out += ']';
}

std::string encode_line(Op op, std::span<const float> values, std::size_t dimension) {
  std::string line = op == Op::route ? R"({"op":"route",)" : R"({"op":"match",)";
  if (values.size() == dimension) {
    line += R"("embedding":)";
    append_array(values, line);
    return line + "}";
  }
  line += R"("embeddings":[)";
  for (std::size_t at = 0; at < values.size(); at += dimension) {
    if (at > 0) line += ',';
    append_array(values.subspan(at, dimension), line);
  }
  return line + "]}";
}

}  // namespace

std::string encode_request(Wire wire, Op op, std::span<const float> values, std::size_t dimension) {
  SEMROUTE_CHECK(dimension > 0 && !values.empty() && values.size() % dimension == 0);
  if (wire == Wire::json) return encode_line(op, values, dimension);
  ClientRequest request;
  request.op = op;
  request.id = 0;
  request.values = values;
  request.count = values.size() / dimension;
  std::string frame;
  encode_client_frame(request, frame);
  return frame;
}

void set_frame_id(std::span<char> frame, std::uint32_t id) {
  SEMROUTE_CHECK(frame.size() >= kFrameHeaderBytes);
  for (unsigned i = 0; i < 4; ++i) frame[kIdOffset + i] = static_cast<char>((id >> (8U * i)) & 0xFFU);
}

std::string error_code_of(std::string_view frame) {
  const auto reply = decode_reply(frame);
  if (!reply || !reply->error) return "internal";
  return std::string(core::to_string(reply->error->code));
}

}  // namespace semroute::router::tool
