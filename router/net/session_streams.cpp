// Session: replies in parts, and room for them in turn.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

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

void Session::push() {
  if (serving_ || pushing_ || writing_) return;
  pushing_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->pushing_ = false;
    const bool was_paused = self->paused();
    self->flush();
    self->go_on(was_paused);
  });
}

}  // namespace semroute::router
