// Session: replies to bytes, in the connection's protocol and within its bound.
#include <optional>
#include <string>

#include "router/net/session.h"

namespace semroute::router {

void Session::reply(Op op, const RequestId& id, const DecisionReply& reply) {
  const std::size_t at = out_.size();
  if (protocol_ == Protocol::binary) {
    encode_frame(op, id, reply, out_);
  } else {
    encode_json(id, reply, out_);
  }
  hold_to_bound(at, op, id, reply.request_id, reply.dispatched ? std::optional(true) : std::nullopt);
}

void Session::reply(Op op, const RequestId& id, const ErrorReply& reply) {
  handler_.counters().errors.add();
  if (protocol_ == Protocol::binary) {
    encode_frame(static_cast<std::uint8_t>(op), id, reply, out_);
  } else {
    encode_json(id, reply, out_);
  }
}

void Session::reply_members(Op op, const RequestId& id, std::string_view request_id, std::string_view members) {
  const std::size_t at = out_.size();
  if (protocol_ == Protocol::binary) {
    encode_frame_members(op, id, request_id, members, out_);
  } else {
    encode_json_members(id, request_id, members, out_);
  }
  hold_to_bound(at, op, id, request_id, std::nullopt);
}

bool Session::hold_to_bound(std::size_t at, Op op, const RequestId& id, std::string_view request_id,
                            std::optional<bool> sent) {
  const std::size_t most = handler_.limits().max_output_buffer;
  if (out_.size() - at <= most) return false;
  out_.resize(at);
  reply(op, id,
        ErrorReply{.request_id = request_id,
                   .code = core::ErrorCode::too_large,
                   .message = "the reply is larger than limits.max_output_buffer, " + std::to_string(most) + " bytes",
                   .sent = sent});
  return true;
}

}  // namespace semroute::router
