// Session: replies to bytes, in the connection's protocol and within its bound.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "router/net/session.h"

namespace semroute::router {

namespace {

// How much of streamed replies waits to be written before their targets are asked to wait; a quarter of
// limits.max_output_buffer where that is less, so that other replies have room beside them.
constexpr std::size_t kStreamedBytes = std::size_t{256} << 10;
// Of a chunk, which as JSON may be six times as long.
constexpr std::size_t kMostChunkBytes = std::size_t{32} << 10;
constexpr std::size_t kLeastChunkBytes = 64;

}  // namespace

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

bool Session::reply_head(Op op, const RequestId& id, const DecisionReply& head) {
  const std::size_t at = out_.size();
  if (is_binary()) {
    encode_frame(op, id, head, out_);
  } else {
    encode_json(id, head, out_);
  }
  return !hold_to_bound(at, op, id, head.request_id, true);
}

void Session::reply_chunk(Op op, const RequestId& id, const ReplyChunk& chunk) {
  if (is_binary()) {
    encode_frame(op, id, chunk, out_);
  } else {
    encode_json(id, chunk, out_);
  }
}

void Session::reply_end(Op op, const RequestId& id, const StreamEnd& end) {
  if (end.error) handler_.counters().errors.add();
  if (is_binary()) {
    encode_frame(op, id, end, out_);
  } else {
    encode_json(id, end, out_);
  }
}

bool Session::has_room() const {
  return unwritten_bytes() < std::min(kStreamedBytes, handler_.limits().max_output_buffer / 4);
}

std::size_t Session::chunk_bytes() const {
  return std::clamp(handler_.limits().max_output_buffer / 16, kLeastChunkBytes, kMostChunkBytes);
}

void Session::wait_for_room(std::shared_ptr<RoomWaiter> waiter) {
  waiting_.push_back(std::move(waiter));
  wait_writable();
}

// They may leave, come back, or lose the connection meanwhile.
void Session::offer_room() {
  while (!waiting_.empty() && phase_ != Phase::closed && has_room()) {
    const auto waiter = std::move(waiting_.front());
    waiting_.pop_front();
    waiter->on_room();
  }
}

}  // namespace semroute::router
