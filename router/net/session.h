// Session: one client connection, from its bytes to requests and from replies back to bytes.
//
// The first byte decides the protocol (JSON lines or binary frames). Requests are handed to the
// SessionHandler one after another; each leads to exactly one reply(), at once or later
// (begin_async). Replies are gathered while input is served, for a millisecond at most, and written together. A client
// that reads slower than it asks is not lost: reading pauses while half of limits.max_output_buffer waits to be
// written, as long as some of it can be written now and then.
// Bounds: limits of the configuration (request size, requests in flight, output buffer, time-outs),
// asked for anew each time, so that a reload applies to open connections.
// Threads: one worker thread only; a session never changes its worker.
// Lifetime: kept alive by its pending reads and writes and by whoever holds in-flight work.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "config/config.h"
#include "router/net/connection_counts.h"
#include "router/observe/worker_counters.h"
#include "router/protocol/frame_codec.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/reply.h"
#include "router/protocol/request.h"

namespace semroute::router {

using Clock = std::chrono::steady_clock;

class Session;

// Somebody with more to write than the session has room for.
class RoomWaiter {
 public:
  virtual ~RoomWaiter() = default;
  // Once for each Session::wait_for_room(). Writes a little, and waits again if there is more.
  virtual void on_room() = 0;
};

// Also of an IPv4 address in IPv6 form.
[[nodiscard]] bool is_loopback_address(const boost::asio::ip::address& address);

// What a session needs of its worker.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;
  // Serves one well-formed request; leads to exactly one reply. `started`: when decoding began.
  virtual void handle(Session& session, Request& request, Clock::time_point started) = 0;
  virtual void on_closed(Session& session) = 0;
  [[nodiscard]] virtual const config::LimitsConfig& limits() const = 0;
  [[nodiscard]] virtual JsonDecoder& json_decoder() = 0;
  [[nodiscard]] virtual std::span<char> read_buffer() = 0;  // shared by the worker's sessions
  [[nodiscard]] virtual WorkerCounters& counters() = 0;
  // The client's request id, or a new one; valid until it is asked for again.
  [[nodiscard]] virtual std::string_view request_id(const Request& request) = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `lease` is held until the connection is closed.
  Session(boost::asio::ip::tcp::socket socket, ConnectionCounts::Lease lease, SessionHandler& handler);

  void start();
  // Instead of start(): one error reply, then a lingering close. Nothing is read.
  void turn_away(const core::Error& error);

  // Append one reply to the output; flushed when the input at hand is served, or by finish_async.
  void reply(Op op, const RequestId& id, const DecisionReply& reply);
  void reply(Op op, const RequestId& id, const ErrorReply& reply);
  void reply_members(Op op, const RequestId& id, std::string_view request_id, std::string_view members);

  // A reply in parts: its head, false when that is too large and an error took its place; then chunks of at most
  // chunk_bytes(), each while has_room(); last the end. push() has sent what is there from the loop: if that loses the
  // connection, no call is cancelled while it hands something over.
  [[nodiscard]] bool reply_head(Op op, const RequestId& id, const DecisionReply& head);
  void reply_chunk(Op op, const RequestId& id, const ReplyChunk& chunk);
  void reply_end(Op op, const RequestId& id, const StreamEnd& end);
  void push();
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] std::size_t chunk_bytes() const;
  // In the order of their coming; they are held until then, or until the connection is lost.
  void wait_for_room(std::shared_ptr<RoomWaiter> waiter);
  [[nodiscard]] bool is_binary() const { return protocol_ == Protocol::binary; }

  // A request whose reply comes later: counts as in flight until finish_async(token). `cancel` is called at most
  // once: by cancel(), when the connection is lost, or when a drain runs out of time.
  [[nodiscard]] std::uint64_t begin_async(const RequestId& id, std::function<void()> cancel);
  void finish_async(std::uint64_t token);
  // False when no cancellable request with this id key is in flight.
  bool cancel(const std::string& id_key);

  // Looks at the deadlines (idle, request, write, linger). Called every kSessionTick.
  void tick(Clock::time_point now);

  // Reads what has already arrived, to be served as usual; every later request is answered `unavailable`.
  void begin_drain();
  // Nothing left to answer or to write.
  [[nodiscard]] bool drained() const;
  // Cancels what is in flight, flushes, closes lingering.
  void finish_drain();

  // Whether the client is on this machine.
  [[nodiscard]] bool is_loopback() const { return is_loopback_; }
  // False once the connection is lost or closed: replies go nowhere.
  [[nodiscard]] bool open() const { return phase_ != Phase::closed; }

 private:
  enum class Protocol : std::uint8_t { unknown, json, binary };
  enum class Phase : std::uint8_t { serving, flushing, lingering, closed };
  struct InFlight {
    std::uint64_t token;
    std::string id_key;
    std::function<void()> cancel;
  };

  void wait_readable();
  // For the loss of the connection, while nothing is read.
  void wait_lost();
  void on_readable();
  void ingest(std::string_view bytes, std::size_t moved);
  std::size_t serve(std::string_view data);
  // Makes way for the next request, and returns when.
  Clock::time_point begin_request();
  std::size_t serve_line(std::string_view data);
  [[nodiscard]] std::size_t most_change_bytes() const;
  [[nodiscard]] std::size_t most_line_bytes(std::string_view arrived);
  [[nodiscard]] bool is_too_large_a_change(std::size_t bytes);
  std::size_t serve_frame(std::string_view data);
  void serve_request(Clock::time_point started, std::size_t frame_op);
  void refuse(std::size_t frame_op, const core::Error& error, bool fatal);
  void go_on(bool was_paused);
  void resume();
  void on_end_of_input();
  void flush();
  void wait_writable();
  void offer_room();
  void after_flush();
  void close_after_flush();
  void linger();
  void cancel_all();
  void abort();
  void close();
  // Takes back the reply that begins at `at` of the output when it is larger than limits.max_output_buffer.
  // Whether it did.
  bool hold_to_bound(std::size_t at, Op op, const RequestId& id, std::string_view request_id, std::optional<bool> sent);
  [[nodiscard]] std::size_t unwritten_bytes() const { return out_.size() - written_; }
  [[nodiscard]] bool paused() const;
  [[nodiscard]] bool reads_slowly() const;

  boost::asio::ip::tcp::socket socket_;
  SessionHandler& handler_;
  ConnectionCounts::Lease lease_;
  FrameDecoder frames_;
  Request request_;

  Protocol protocol_ = Protocol::unknown;
  Phase phase_ = Phase::serving;
  bool reading_ = false;   // a wait for input is pending
  bool watching_ = false;  // a wait for the connection's loss is pending
  bool writing_ = false;   // a wait for room to write is pending
  bool serving_ = false;   // inside serve(): replies are flushed once, at its end
  bool pushing_ = false;   // a flush will come from the loop
  bool end_of_input_ = false;
  bool draining_ = false;
  bool is_loopback_ = false;

  std::string in_;               // input not served yet
  std::size_t scanned_ = 0;      // of in_, already searched for the end of a line
  bool is_change_line_ = false;  // the line that has begun may be as long as limits.max_change
  std::size_t drain_bytes_ = 0;  // of in_, had arrived before the drain began
  std::string out_;
  std::size_t written_ = 0;  // of out_
  std::vector<InFlight> in_flight_;
  std::deque<std::shared_ptr<RoomWaiter>> waiting_;
  std::uint64_t next_token_ = 1;

  Clock::time_point last_activity_;
  Clock::time_point request_started_;  // first byte of the incomplete request in in_
  Clock::time_point request_began_;    // decoding of the last one
  Clock::time_point held_since_;       // decoding of the first one whose reply is not written
  Clock::time_point write_progress_;
  Clock::time_point linger_until_;
};

}  // namespace semroute::router
