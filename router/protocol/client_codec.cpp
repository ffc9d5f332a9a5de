#include "router/protocol/client_codec.h"

#include "router/protocol/frame_codec.h"
#include "router/protocol/little_endian.h"

namespace semroute::router {

namespace {

bool is_deciding(Op op) { return op == Op::match || op == Op::route; }

std::string get_text(FieldReader& in) { return std::string(in.bytes(in.get<std::uint16_t>())); }

ClientResult get_result(FieldReader& in) {
  ClientResult r;
  r.decision = static_cast<DecisionKind>(in.get<std::uint8_t>());
  r.reason = static_cast<Reason>(in.get<std::uint8_t>());
  const bool has_score = in.get<std::uint8_t>() != 0;
  (void)in.get<std::uint8_t>();
  const float score = in.get<float>();
  if (has_score) r.score = score;
  r.route = get_text(in);
  r.target = get_text(in);
  const auto matches = in.get<std::uint16_t>();
  for (std::size_t i = 0; i < matches && in.ok(); ++i) {
    ClientMatch& m = r.matches.emplace_back();
    m.score = in.get<float>();
    m.threshold = in.get<double>();
    m.passed = in.get<std::uint8_t>() != 0;
    (void)in.get<std::uint8_t>();
    m.route = get_text(in);
  }
  return r;
}

void get_error(FieldReader& in, ClientReply& reply) {
  const auto code = static_cast<core::ErrorCode>(in.get<std::uint16_t>());
  reply.retryable = in.get<std::uint8_t>() != 0;
  const auto sent = in.get<std::uint8_t>();
  if (sent != 2) reply.sent = sent == 1;
  reply.error = core::Error{code, std::string(in.bytes(in.get<std::uint32_t>()))};
  reply.extras = in.bytes(in.get<std::uint32_t>());
}

}  // namespace

void encode_client_frame(const ClientRequest& request, std::string& out) {
  const std::size_t at = out.size();
  put(kFrameMagic, out);
  put(kFrameVersion, out);
  put(static_cast<std::uint8_t>(request.op), out);
  put(request.explain ? kFrameFlagExplain : std::uint8_t{0}, out);
  put(request.id, out);
  put(std::uint32_t{0}, out);
  put(request.timeout_ms, out);
  if (is_deciding(request.op)) {
    put(static_cast<std::uint32_t>(request.count == 0 ? 0 : request.values.size() / request.count), out);
    put(static_cast<std::uint32_t>(request.count), out);
    put(request.top_k, out);
    put(std::uint16_t{0}, out);
    out.append(reinterpret_cast<const char*>(request.values.data()), request.values.size_bytes());
    if (request.op == Op::route) {
      put(static_cast<std::uint16_t>(request.content_type.size()), out);
      out.append(request.content_type);
      put(static_cast<std::uint32_t>(request.payload.size()), out);
      out.append(request.payload);
    }
  }
  if (is_change(request.op) && request.op != Op::routes_delete) {
    const std::size_t rows = request.values.empty() ? 0 : request.count;
    put(static_cast<std::uint32_t>(rows == 0 ? 0 : request.values.size() / rows), out);
    put(static_cast<std::uint32_t>(rows), out);
    out.append(reinterpret_cast<const char*>(request.values.data()), request.values.size_bytes());
  }
  put(static_cast<std::uint32_t>(request.extras.size()), out);
  out.append(request.extras);
  put_at(static_cast<std::uint32_t>(out.size() - at - kFrameHeaderBytes), at + 8, out);
}

core::Result<ClientReply> decode_reply(std::string_view frame) {
  const auto wrong = [](std::string message) { return core::Error{core::ErrorCode::bad_request, std::move(message)}; };
  const FramePeek peek = peek_frame(frame, frame.size());
  if (peek.error) return peek.error->error;
  if (!peek.header || peek.frame_bytes != frame.size()) return wrong("the reply frame is cut short");
  ClientReply reply;
  reply.op = static_cast<std::uint8_t>(peek.header->op & ~kFrameReplyBit);
  reply.id = peek.header->request_id;
  FieldReader in(frame.substr(kFrameHeaderBytes));
  reply.more = (peek.header->flags & kFrameFlagMore) != 0;
  reply.is_chunk = (peek.header->flags & kFrameFlagChunk) != 0;
  if ((peek.header->flags & kFrameFlagError) != 0) {
    get_error(in, reply);
  } else if (reply.is_chunk) {
    (reply.more ? reply.body : reply.extras) = in.rest();
    return reply;
  } else if (is_deciding(static_cast<Op>(reply.op))) {
    reply.revision = in.get<std::uint64_t>();
    const auto count = in.get<std::uint32_t>();
    for (std::size_t i = 0; i < count && in.ok(); ++i) reply.results.push_back(get_result(in));
    if (static_cast<Op>(reply.op) == Op::route) {
      reply.dispatched = in.get<std::uint8_t>() != 0;
      (void)in.get<std::uint8_t>();
      reply.status = in.get<std::uint16_t>();
      reply.content_type = get_text(in);
      reply.body = in.bytes(in.get<std::uint32_t>());
    }
    reply.extras = in.bytes(in.get<std::uint32_t>());
  } else {
    reply.extras = in.rest();
    return reply;
  }
  if (!in.ok() || !in.rest().empty()) return wrong("the lengths in the reply frame contradict each other");
  return reply;
}

}  // namespace semroute::router
