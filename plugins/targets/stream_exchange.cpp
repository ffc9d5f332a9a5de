#include "plugins/targets/stream_exchange.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "config/json_check.h"
#include "plugins/refusals.h"

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::ErrorCode;

// A Unix listener whose queue is full refuses at once and tells nobody when there is room again.
constexpr std::chrono::milliseconds kConnectAgain{10};

// Asio's own open() leaves the descriptor to be inherited by subprocesses.
error_code open(StreamPool::Socket& socket, const asio::generic::stream_protocol& protocol) {
  const int descriptor = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol.protocol());
  if (descriptor < 0) return {errno, boost::system::system_category()};
  error_code error;
  socket.assign(protocol, descriptor, error);
  if (error) {
    ::close(descriptor);
    return error;
  }
  // A frame goes out in one write; waiting for more would only delay the last segment.
  if (protocol.family() != AF_UNIX) socket.set_option(asio::ip::tcp::no_delay(true), error);
  return error;
}

std::uint64_t microseconds_since(Clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
}

}  // namespace

StreamExchange::StreamExchange(std::shared_ptr<StreamPool> pool, Frame frame,
                               std::shared_ptr<const DispatchRequest> request, Clock::time_point deadline,
                               Completion done)
    : pool_(std::move(pool)),
      frame_(std::move(frame)),
      request_(std::move(request)),
      deadline_(deadline),
      done_(std::move(done)),
      timer_(pool_->io()),
      connect_again_(pool_->io()) {}

void StreamExchange::cancel() { fail(ErrorCode::cancelled, "the request was cancelled", Failure::cancelled); }

void StreamExchange::wait(bool is_handover) {
  expire_at(is_handover ? std::min(deadline_, Clock::now() + kHandoverPatience) : deadline_);
}

void StreamExchange::start(StreamPool::Place place) {
  begin_try();
  permit_ = std::move(place.permit);
  socket_ = std::move(place.socket);
  if (socket_ == nullptr) {
    connect_fresh();
  } else {
    reused_ = true;
    exchange();
  }
}

void StreamExchange::expire_at(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    // A timer that was set anew after this handler had been queued is not over yet.
    if (!error && self->timer_.expiry() <= Clock::now()) self->on_timer();
  });
}

void StreamExchange::on_timer() {
  switch (phase_) {
    case Phase::done: return;
    case Phase::waiting:
      if (deadline_ <= Clock::now()) {
        fail(ErrorCode::timeout, "the deadline passed while waiting for a connection", Failure::timeout);
      } else if (pool_->shared().connections->may_stay_pending()) {
        expire_at(deadline_);
      } else {
        finish(too_many_wait(), Failure::other, false);
      }
      return;
    case Phase::resolving:
    case Phase::connecting:
      if (deadline_ <= Clock::now()) {
        const ErrorCode code = retried_ ? ErrorCode::upstream_timeout : ErrorCode::timeout;
        fail(code, "the deadline passed before the target was connected", Failure::timeout);
      } else {
        fail(ErrorCode::upstream_unavailable,
             phase_ == Phase::resolving ? "the target's name was not resolved within connect_timeout"
                                        : "the target was not connected within connect_timeout",
             Failure::connect);
      }
      return;
    case Phase::exchanging:
      fail(ErrorCode::upstream_timeout, "the target's reply was not complete in time", Failure::timeout);
      return;
  }
}

void StreamExchange::begin_try() {
  trying_ = true;
  try_began_ = Clock::now();
  pool_->shared().counters.begin(!attempts_.empty());
}

// `failure` counts unless the outcome is "ok".
void StreamExchange::end_try(std::string_view outcome, Failure failure) {
  if (!std::exchange(trying_, false)) return;
  const std::uint64_t took_us = microseconds_since(try_began_);
  attempts_.push_back({pool_->settings().address, std::string(outcome), took_us});
  StreamShared& shared = pool_->shared();
  if (outcome == "ok") {
    shared.counters.end_ok(took_us);
  } else {
    shared.counters.end_failed(failure);
    if (failure == Failure::connect) shared.is_reachable.store(false, std::memory_order_relaxed);
  }
}

void StreamExchange::try_again(std::string_view outcome, Failure failure) {
  end_try(outcome, failure);
  error_code ignored;
  socket_->close(ignored);
  begin_try();
  connect_fresh();
}

void StreamExchange::connect_fresh() {
  phase_ = Phase::resolving;
  reused_ = false;
  sent_ = retried_;
  socket_ = nullptr;
  expire_at(std::min(deadline_, Clock::now() + pool_->settings().connect_timeout));
  HostAddresses* const addresses = pool_->shared().addresses.get();
  if (addresses == nullptr || addresses->known(Clock::now()) != nullptr) return on_resolved();
  resolving_ = std::make_shared<bool>(true);
  addresses->wait(this, [this, &io = pool_->io(), waits = std::weak_ptr<bool>(resolving_)] {
    asio::post(io, [this, waits] {
      if (!waits.expired()) on_resolved();
    });
  });
}

void StreamExchange::on_resolved() {
  resolving_.reset();
  const StreamShared& shared = pool_->shared();
  endpoints_.clear();
  if (shared.addresses == nullptr) {
    endpoints_.emplace_back(asio::local::stream_protocol::endpoint(shared.settings.path));
  } else if (const auto known = shared.addresses->known(Clock::now())) {
    for (const auto& one : *known) endpoints_.emplace_back(one);
  } else {
    fail(ErrorCode::upstream_unavailable, "the target's name does not resolve: " + shared.addresses->problem(),
         Failure::connect);
    return;
  }
  phase_ = Phase::connecting;
  next_endpoint_ = 0;
  connect_next(asio::error::host_not_found);
}

void StreamExchange::connect_next(const error_code& last_error) {
  if (next_endpoint_ == endpoints_.size()) {
    fail(ErrorCode::upstream_unavailable, "the target cannot be connected: " + last_error.message(), Failure::connect);
    return;
  }
  connect(endpoints_[next_endpoint_++]);
}

void StreamExchange::connect(const Endpoint& endpoint) {
  socket_ = std::make_shared<Socket>(pool_->io());
  auto connected = [self = shared_from_this(), socket = socket_](const error_code& error) {
    if (self->phase_ == Phase::connecting && socket == self->socket_) self->on_connected(error);
  };
  error_code error = open(*socket_, endpoint.protocol());
  if (!error && endpoint.protocol().family() != AF_UNIX) {
    socket_->async_connect(endpoint, std::move(connected));
    return;
  }
  // A Unix socket connects or does not, at once. Asio takes EAGAIN for a connection that is under way.
  if (!error && ::connect(socket_->native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    error = error_code(errno, boost::system::system_category());
  }
  if (error == asio::error::would_block || error == asio::error::try_again) {
    --next_endpoint_;
    connect_again_.expires_after(kConnectAgain);
    connect_again_.async_wait([self = shared_from_this()](const error_code& stopped) {
      if (!stopped && self->phase_ == Phase::connecting) self->connect_next({});
    });
    return;
  }
  asio::post(pool_->io(), [connected = std::move(connected), error] { connected(error); });
}

void StreamExchange::on_connected(const error_code& error) {
  if (error) {
    connect_next(error);
    return;
  }
  pool_->shared().is_reachable.store(true, std::memory_order_relaxed);
  exchange();
}

void StreamExchange::exchange() {
  phase_ = Phase::exchanging;
  sent_ = true;
  written_ = false;
  expire_at(deadline_);
  reader_ = std::make_unique<FrameReader>(pool_->settings().framing, pool_->settings().max_reply_bytes);
  const std::array<asio::const_buffer, 3> bytes{asio::buffer(frame_.before), asio::buffer(request_->payload),
                                                asio::buffer(frame_.after)};
  asio::async_write(*socket_, bytes,
                    [self = shared_from_this(), socket = socket_](const error_code& error, std::size_t written_bytes) {
                      if (self->phase_ == Phase::exchanging && socket == self->socket_)
                        self->on_written(error, written_bytes);
                    });
  read();
}

void StreamExchange::on_written(const error_code& error, std::size_t bytes) {
  if (!error) {
    written_ = true;
  } else if (bytes == 0) {
    sent_ = retried_;
    if (reused_) {
      // The peer closed the idle connection between the look at it and the write.
      try_again(core::to_string(ErrorCode::upstream_unavailable), Failure::reset);
    } else {
      fail(ErrorCode::upstream_unavailable, "the target closed the connection: " + error.message(), Failure::reset);
    }
  }
  // Otherwise part of the request went out: a reply may be on its way, and reading tells.
}

void StreamExchange::read() {
  const auto room = reader_->prepare();
  socket_->async_read_some(
      asio::buffer(room.data(), room.size()),
      [self = shared_from_this(), socket = socket_](const error_code& error, std::size_t read_bytes) {
        if (self->phase_ == Phase::exchanging && socket == self->socket_) self->on_read(error, read_bytes);
      });
}

void StreamExchange::on_read(const error_code& error, std::size_t bytes) {
  if (error == asio::error::eof) {
    on_broken("the target closed the connection before its reply was complete");
    return;
  }
  if (error) {
    on_broken("the target broke the connection off: " + error.message());
    return;
  }
  switch (reader_->commit(bytes)) {
    case FrameReader::State::more: read(); return;
    case FrameReader::State::failed: fail(ErrorCode::upstream_error, reader_->problem(), Failure::bad_reply); return;
    case FrameReader::State::complete: break;
  }
  // Bytes beyond the reply belong to no request: whatever comes after them cannot be told apart.
  const bool reusable = written_ && !reader_->has_surplus();
  DispatchReply reply;
  reply.body = reader_->take();
  reply.content_type = config::is_json(reply.body) ? "application/json" : "application/octet-stream";
  finish(std::move(reply), Failure::other, reusable);
}

void StreamExchange::on_broken(const std::string& how) {
  if (pool_->settings().idempotent && !retried_ && !reader_->has_bytes()) {
    retried_ = true;
    try_again(core::to_string(ErrorCode::upstream_error), Failure::reset);
  } else {
    fail(ErrorCode::upstream_error, how, Failure::reset);
  }
}

void StreamExchange::fail(ErrorCode code, std::string message, Failure failure) {
  finish(core::Error{code, std::move(message)}, failure, false);
}

void StreamExchange::finish(core::Result<DispatchReply> reply, Failure failure, bool reusable) {
  if (phase_ == Phase::done) return;
  end_try(reply.ok() ? "ok" : core::to_string(reply.error().code), failure);
  phase_ = Phase::done;
  timer_.cancel();
  connect_again_.cancel();
  const auto self = shared_from_this();
  if (std::exchange(resolving_, nullptr) != nullptr) pool_->shared().addresses->forget(this);
  const auto pool = std::exchange(pool_, nullptr);
  const auto done = std::exchange(done_, nullptr);
  auto socket = std::exchange(socket_, nullptr);
  if (socket != nullptr && !reusable) {
    // Handlers still hold the socket, so it has to be closed and not just let go.
    error_code ignored;
    socket->close(ignored);
    socket = nullptr;
  }
  pool->leave(*this, {std::move(permit_), std::move(socket)});
  done({std::move(reply), sent_, std::move(attempts_)});
}

}  // namespace semroute::plugins
