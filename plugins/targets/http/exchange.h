// HttpExchange: one try: one request over one connection, and its one reply.
//
//   resolving -> connecting -> sending (and reading) -> streaming -> done
//   (a connection that is open goes straight to sending; streaming: with a sink, from the head on)
//
// Reading begins with sending, since a target may refuse a body before it has taken all of it. A kept connection that
// turns out to be closed before anything was sent is replaced by a fresh one, once.
// Invariants: on_try_end() is called exactly once for each start(), last; after it nothing of the pool is touched.
// Threads: the worker's only. Lifetime: part of its call, which outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/target.h"
#include "plugins/targets/http/pool.h"

namespace semroute::plugins {

struct HttpTryEnd {
  enum class Cause : std::uint8_t {
    reply,                 // there is one, whole, or handed to the sink
    connect_failure,       // nothing was sent
    reset_before_request,  // nothing was sent
    reset,                 // the connection ended before the reply did
    bad_reply,             // what came is no reply
    too_long,              // the reply is longer than what may be kept
    try_timeout,           // the target's: per_try_timeout, stream_idle_timeout
    timeout,               // the target's: its `timeout` is over
    own_deadline,          // the request's is over, which says nothing about the target
    denied,                // by deny_networks
    cancelled
  };
  Cause cause = Cause::reply;
  core::ErrorCode code = core::ErrorCode::internal;  // unless `reply`
  std::string message;
  DispatchReply reply;
  bool sent = false;
  bool is_told = false;  // the sink has the head
};

// What a try is made of; all of it lives for as long as `keep` is held.
struct HttpTry {
  std::string_view start;
  std::string_view headers;
  std::string_view payload;
  std::shared_ptr<const void> keep;
  ReplySink* sink = nullptr;
  Clock::time_point deadline;    // the nearest of all
  bool deadline_is_own = false;  // it is the request's
};

class HttpExchange final : private HttpConnection::User, private HttpTimed {
 public:
  class Owner {
   public:
    // Whether a streamed reply of this status is handed on, rather than ended for another try.
    [[nodiscard]] virtual bool is_wanted(int status) = 0;
    virtual void on_try_end(HttpTryEnd end) = 0;

   protected:
    ~Owner() = default;
  };

  explicit HttpExchange(Owner& owner) : owner_(owner) {}

  void start(const std::shared_ptr<HttpPool>& pool, HttpPool::Place place, HttpTry what);
  // The sink takes bytes again.
  void resume();
  // Ends as `cancelled`, unless it has ended or never began.
  void cancel();
  [[nodiscard]] bool is_running() const noexcept { return phase_ != Phase::done; }

 private:
  enum class Phase : std::uint8_t { resolving, connecting, sending, streaming, done };

  void on_connected(const boost::system::error_code& error) override;
  void on_written(const boost::system::error_code& error, std::size_t bytes) override;
  void on_read(const boost::system::error_code& error, std::size_t bytes) override;
  void on_due() override;

  void connect();
  void on_resolved();
  void send();
  void take_what_came();
  void on_head();
  void hand_over();
  void fail(HttpTryEnd::Cause cause, core::ErrorCode code, std::string message);
  void finish(HttpTryEnd end, bool is_reusable);

  Owner& owner_;
  std::shared_ptr<HttpPool> pool_;  // null when done
  std::shared_ptr<HttpConnection> connection_;
  std::size_t endpoint_ = 0;
  HttpTry what_;
  Clock::time_point try_deadline_;  // of per_try_timeout
  std::string body_;
  std::shared_ptr<bool> resolving_;  // while a look-up is waited for; its end may be queued when that is over
  Phase phase_ = Phase::done;
  bool reused_ = false;
  bool ended_ = false;  // the peer has closed
  bool sent_ = false;
  bool written_ = false;  // the whole request went out
  bool paused_ = false;   // the sink takes nothing
  bool resumed_ = false;  // it does again, told while it was handed bytes
  bool taking_ = false;   // within take_what_came()
};

}  // namespace semroute::plugins
