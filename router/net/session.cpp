#include "router/net/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "core/base/limits.h"

namespace semroute::router {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// A begun request up to this size is moved in front of the bytes that are read next, a longer one is gathered.
constexpr std::size_t kMovedToFront = core::kReadChunkBytes / 4;

// How long replies are gathered while more input is served. So a client that waits for some of them has work to do
// meanwhile, and where deciding is slow the first of many requests is answered long before the last.
constexpr std::chrono::microseconds kReplyHold{1000};

bool would_block(const error_code& ec) {
  return ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted;
}

bool starts_json(char c) { return c == '{' || c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Buffers that one large request grew are given back once they are empty.
void release_if_large(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > 4 * core::kReadChunkBytes) buffer.shrink_to_fit();
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, ConnectionCounts::Lease lease, SessionHandler& handler)
    : socket_(std::move(socket)),
      handler_(handler),
      lease_(std::move(lease)),
      frames_(handler.json_decoder()),
      last_activity_(Clock::now()) {
  error_code ec;
  const auto peer = socket_.remote_endpoint(ec);
  is_loopback_ = !ec && is_loopback_address(peer.address());
  socket_.non_blocking(true, ec);
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
}

void Session::start() {
  handler_.counters().connections_open.add();
  handler_.counters().connections_total.add();
  wait_readable();
}

void Session::turn_away(const core::Error& error) {
  handler_.counters().connections_open.add();
  // The protocol is not known yet; JSON is what a person can read. No request is counted: none was read.
  encode_json(
      request_.id,
      ErrorReply{
          .request_id = handler_.request_id(request_), .code = error.code, .message = error.message, .retryable = true},
      out_);
  close_after_flush();
}

bool Session::paused() const { return in_flight_.size() >= handler_.limits().max_in_flight || reads_slowly(); }

bool Session::reads_slowly() const {
  const auto& limits = handler_.limits();
  return unwritten_bytes() > limits.max_output_buffer / 2 && Clock::now() - write_progress_ < limits.write_timeout / 4;
}

void Session::wait_readable() {
  const bool wanted = phase_ == Phase::lingering || (phase_ == Phase::serving && !end_of_input_ && !paused());
  if (!wanted) wait_lost();
  if (reading_ || !wanted) return;
  reading_ = true;
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](const error_code& ec) {
    self->reading_ = false;
    if (!ec) self->on_readable();
  });
}

void Session::on_readable() {
  if (phase_ == Phase::closed) return;
  const auto buffer = handler_.read_buffer();
  const std::size_t moved = in_.size() <= kMovedToFront ? in_.copy(buffer.data(), in_.size()) : 0;
  error_code ec;
  const std::size_t n = socket_.read_some(asio::buffer(buffer.data() + moved, buffer.size() - moved), ec);
  if (would_block(ec)) return wait_readable();
  if (ec == asio::error::eof) return on_end_of_input();
  if (ec) return abort();
  // What arrives while lingering is thrown away: it only keeps the error reply from being lost to a reset.
  if (phase_ == Phase::serving) ingest({buffer.data(), moved + n}, moved);
  wait_readable();
}

// `bytes` are new from `moved` on; what is in front of them is all of in_. With `moved` 0, in_ may hold a begun
// request.
void Session::ingest(std::string_view bytes, std::size_t moved) {
  last_activity_ = Clock::now();
  const bool fresh = in_.empty();
  std::size_t used = 0;
  if (in_.size() == moved) {
    used = serve(bytes);
    if (used > 0) {
      in_.assign(bytes.substr(used));
    } else {
      in_.append(bytes.substr(moved));
    }
  } else {
    in_.append(bytes);
    used = serve(in_);
    in_.erase(0, used);
  }
  if (in_.empty()) release_if_large(in_);
  // An incomplete request's clock starts with its first byte.
  if (used > 0 || fresh) request_started_ = last_activity_;
  flush();
}

std::size_t Session::serve(std::string_view data) {
  serving_ = true;
  std::size_t used = 0;
  while (phase_ == Phase::serving && used < data.size() && !paused()) {
    const std::string_view rest = data.substr(used);
    if (protocol_ == Protocol::unknown) {
      if (starts_json(rest.front())) {
        protocol_ = Protocol::json;
      } else if (static_cast<std::uint8_t>(rest.front()) == kFrameMagic) {
        protocol_ = Protocol::binary;
      } else {
        protocol_ = Protocol::json;
        request_.clear();
        refuse(0,
               {core::ErrorCode::bad_request,
                "a connection starts with '{' (JSON lines) or the byte 0xA7 (binary frames)"},
               true);
        break;
      }
    }
    const std::size_t n = protocol_ == Protocol::json ? serve_line(rest) : serve_frame(rest);
    if (n == 0) break;
    used += n;
    drain_bytes_ -= std::min(drain_bytes_, n);
    // Small requests may have large replies: the output bound holds inside a burst of them, too.
    if (unwritten_bytes() > std::min(core::kReadChunkBytes, handler_.limits().max_output_buffer / 2)) flush();
    if (unwritten_bytes() > 0 && request_began_ - held_since_ > kReplyHold) flush();
  }
  serving_ = false;
  return used;
}

Clock::time_point Session::begin_request() {
  request_began_ = Clock::now();
  if (unwritten_bytes() == 0) held_since_ = request_began_;
  request_.clear();
  return request_began_;
}

std::size_t Session::serve_line(std::string_view data) {
  const std::size_t end = data.find('\n', scanned_);
  const std::size_t arrived = end == std::string_view::npos ? data.size() : end;
  const std::size_t limit = most_line_bytes(data.substr(0, arrived));
  if (arrived > limit) {
    request_.clear();
    refuse(0,
           {core::ErrorCode::too_large, std::string("the line is longer than limits.") +
                                            (is_change_line_ ? "max_change, " : "max_request, ") +
                                            std::to_string(limit) + " bytes"},
           true);
    return 0;
  }
  if (end == std::string_view::npos) {
    scanned_ = data.size();
    return 0;
  }
  scanned_ = 0;
  is_change_line_ = false;
  const auto started = begin_request();
  const auto decoded = handler_.json_decoder().decode(data.substr(0, end), request_);
  if (is_too_large_a_change(end)) return end + 1;
  if (decoded.ok()) {
    serve_request(started, static_cast<std::size_t>(request_.op));
  } else {
    refuse(static_cast<std::size_t>(request_.op), decoded.error(), false);
  }
  return end + 1;
}

std::size_t Session::serve_frame(std::string_view data) {
  const FramePeek peek = peek_frame(data, handler_.limits().max_request, most_change_bytes());
  if (peek.error) {
    request_.clear();
    if (peek.header) {
      request_.id.text = std::to_string(peek.header->request_id);
    }
    refuse(peek.header ? peek.header->op : 0U, peek.error->error, true);
    return 0;
  }
  if (!peek.header || data.size() < peek.frame_bytes) return 0;
  const auto started = begin_request();
  if (auto error = frames_.decode(data.substr(0, peek.frame_bytes), request_)) {
    refuse(peek.header->op, error->error, error->fatal);
  } else {
    serve_request(started, peek.header->op);
  }
  return peek.frame_bytes;
}

void Session::serve_request(Clock::time_point started, std::size_t frame_op) {
  if (draining_ && drain_bytes_ == 0) {
    handler_.counters().requests.add();
    reply(static_cast<Op>(frame_op), request_.id,
          ErrorReply{.request_id = handler_.request_id(request_),
                     .code = core::ErrorCode::unavailable,
                     .message = "the daemon is shutting down; send the request to another instance",
                     .retryable = true});
    return;
  }
  if (!request_.id.key.empty() && std::any_of(in_flight_.begin(), in_flight_.end(),
                                              [&](const InFlight& f) { return f.id_key == request_.id.key; })) {
    refuse(frame_op,
           {core::ErrorCode::bad_request, "id " + request_.id.text + " is already in flight on this connection"},
           false);
    return;
  }
  handler_.counters().requests.add();
  handler_.handle(*this, request_, started);
}

void Session::refuse(std::size_t frame_op, const core::Error& error, bool fatal) {
  handler_.counters().requests.add();
  reply(static_cast<Op>(frame_op), request_.id,
        ErrorReply{.request_id = handler_.request_id(request_), .code = error.code, .message = error.message});
  if (fatal) close_after_flush();
}

std::uint64_t Session::begin_async(const RequestId& id, std::function<void()> cancel) {
  handler_.counters().in_flight.add();
  in_flight_.push_back({next_token_, id.key, std::move(cancel)});
  return next_token_++;
}

void Session::finish_async(std::uint64_t token) {
  handler_.counters().in_flight.subtract();
  const bool was_paused = paused();
  std::erase_if(in_flight_, [token](const InFlight& f) { return f.token == token; });
  last_activity_ = Clock::now();
  if (serving_ || phase_ == Phase::closed) return;
  flush();
  go_on(was_paused);
}

bool Session::cancel(const std::string& id_key) {
  const auto it = std::find_if(in_flight_.begin(), in_flight_.end(),
                               [&](const InFlight& f) { return f.id_key == id_key && f.cancel != nullptr; });
  if (it == in_flight_.end()) return false;
  // The call completes inside, which erases the entry.
  const auto cancel_call = std::exchange(it->cancel, nullptr);
  cancel_call();
  return true;
}

// After in-flight requests or output became less.
void Session::go_on(bool was_paused) {
  if (was_paused && !paused()) resume();
  if (phase_ == Phase::serving && end_of_input_) on_end_of_input();
}

// Room in flight again: serve what is buffered, then read on.
void Session::resume() {
  if (phase_ != Phase::serving) return;
  if (!in_.empty()) {
    request_started_ = Clock::now();
    const std::size_t used = serve(in_);
    in_.erase(0, used);
    flush();
  }
  wait_readable();
}

void Session::on_end_of_input() {
  end_of_input_ = true;
  if (phase_ == Phase::lingering) return close();
  if (phase_ == Phase::serving) wait_lost();
  if (phase_ != Phase::serving || !in_flight_.empty() || paused()) return;
  // Paused input may still hold whole requests; what remains now is a request cut short.
  if (!in_.empty()) handler_.counters().cut_off.add();
  close_after_flush();
}

void Session::flush() {
  if (phase_ == Phase::closed) return;
  if (!writing_ && unwritten_bytes() > 0) {
    error_code ec;
    const std::size_t n = socket_.write_some(asio::buffer(out_.data() + written_, unwritten_bytes()), ec);
    if (ec && !would_block(ec)) return abort();
    written_ += n;
    if (n > 0) write_progress_ = Clock::now();
  }
  if (unwritten_bytes() == 0) {
    written_ = 0;
    release_if_large(out_);
    return after_flush();
  }
  // Also while a write is pending: replies to a client that does not read must not pile up.
  if (unwritten_bytes() > handler_.limits().max_output_buffer) {
    handler_.counters().output_overflow.add();
    return abort();
  }
  if (writing_) return;
  // The written front is dropped only now and then, so that a slow reader does not cost a move per write.
  if (written_ > core::kReadChunkBytes) {
    out_.erase(0, written_);
    written_ = 0;
  }
  write_progress_ = Clock::now();
  wait_writable();
}

void Session::wait_writable() {
  if (writing_ || phase_ == Phase::closed) return;
  writing_ = true;
  socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](const error_code& ec) {
    self->writing_ = false;
    if (ec) return;
    const bool was_paused = self->paused();
    self->flush();
    if (!self->waiting_.empty()) {
      self->offer_room();
      self->flush();
      // One round at a time: other connections of the worker have their turn.
      if (!self->waiting_.empty()) self->wait_writable();
    }
    self->go_on(was_paused);
  });
}

void Session::after_flush() {
  if (phase_ == Phase::flushing && in_flight_.empty()) linger();
}

void Session::close_after_flush() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::flushing;
  if (!serving_) flush();
}

void Session::tick(Clock::time_point now) {
  const auto& limits = handler_.limits();
  if (phase_ == Phase::closed) return;
  if (unwritten_bytes() > 0 && now - write_progress_ > limits.write_timeout) {
    handler_.counters().timed_out.add();
    return abort();
  }
  if (phase_ == Phase::lingering && now > linger_until_) return close();
  if (phase_ != Phase::serving) return;
  // A client that has read nothing for a while is not slow: what it sends brings it to the output bound.
  if (unwritten_bytes() > limits.max_output_buffer / 2 && !paused()) return resume();
  if (!in_.empty() && !paused() && now - request_started_ > limits.request_timeout) {
    handler_.counters().timed_out.add();
    request_.clear();
    refuse(0, {core::ErrorCode::timeout, "the request did not arrive within limits.request_timeout"}, true);
    return flush();
  }
  if (in_.empty() && in_flight_.empty() && unwritten_bytes() == 0 && now - last_activity_ > limits.idle_timeout) {
    handler_.counters().timed_out.add();
    close_after_flush();
  }
}

void Session::begin_drain() {
  if (phase_ != Phase::serving || draining_) return;
  const auto self = shared_from_this();
  const auto buffer = handler_.read_buffer();
  error_code ec;
  // What is there now and no more: a client that keeps sending must not keep the daemon up.
  std::size_t arrived = socket_.available(ec);
  while (arrived > 0 && !ec) {
    const std::size_t n = socket_.read_some(asio::buffer(buffer.data(), std::min(arrived, buffer.size())), ec);
    in_.append(buffer.data(), n);
    arrived -= n;
  }
  if (ec && !would_block(ec)) return abort();
  drain_bytes_ = in_.size();
  draining_ = true;
  resume();
}

}  // namespace semroute::router
