#include "plugins/targets/http_exchange.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::ErrorCode;
using Tcp = asio::ip::tcp;

// Asio's own open() leaves the descriptor to be inherited by subprocesses.
error_code open(HttpPool::Socket& socket, const Tcp& protocol) {
  const int descriptor = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (descriptor < 0) return {errno, boost::system::system_category()};
  error_code error;
  socket.assign(protocol, descriptor, error);
  if (error) {
    ::close(descriptor);
    return error;
  }
  // Head and body go out in one write; waiting for more would only delay the last segment.
  socket.set_option(Tcp::no_delay(true), error);
  return error;
}

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<HttpPool> pool, std::string head,
                           std::shared_ptr<const DispatchRequest> request, Clock::time_point deadline, Completion done)
    : pool_(std::move(pool)),
      head_(std::move(head)),
      request_(std::move(request)),
      deadline_(deadline),
      done_(std::move(done)),
      timer_(pool_->io()) {}

void HttpExchange::cancel() { fail(ErrorCode::cancelled, "the request was cancelled"); }

void HttpExchange::wait() { expire_at(deadline_); }

void HttpExchange::start() {
  socket_ = pool_->take_idle();
  if (socket_ == nullptr) {
    connect_fresh();
  } else {
    reused_ = true;
    send();
  }
}

void HttpExchange::expire_at(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    // A timer that was set anew after this handler had been queued is not over yet.
    if (!error && self->timer_.expiry() <= Clock::now()) self->on_timer();
  });
}

void HttpExchange::on_timer() {
  switch (phase_) {
    case Phase::done: return;
    case Phase::waiting: fail(ErrorCode::timeout, "the deadline passed while waiting for a connection"); return;
    case Phase::resolving:
    case Phase::connecting:
      if (deadline_ <= Clock::now()) {
        fail(ErrorCode::timeout, "the deadline passed before the request was sent");
      } else {
        fail(ErrorCode::upstream_unavailable, phase_ == Phase::resolving
                                                  ? "the target's name was not resolved within connect_timeout"
                                                  : "the target was not connected within connect_timeout");
      }
      return;
    case Phase::sending: fail(ErrorCode::upstream_timeout, "the target's reply was not complete in time"); return;
  }
}

void HttpExchange::connect_fresh() {
  phase_ = Phase::resolving;
  reused_ = false;
  sent_ = false;
  socket_ = nullptr;
  expire_at(std::min(deadline_, Clock::now() + pool_->settings().connect_timeout));
  pool_->resolve(*this);
}

void HttpExchange::on_resolved(const error_code& error, const std::vector<Tcp::endpoint>& endpoints) {
  if (phase_ != Phase::resolving) return;
  if (error) {
    fail(ErrorCode::upstream_unavailable, "the target's name does not resolve: " + error.message());
    return;
  }
  phase_ = Phase::connecting;
  endpoints_ = endpoints;
  next_endpoint_ = 0;
  connect_next(asio::error::host_not_found);
}

void HttpExchange::connect_next(const error_code& last_error) {
  if (next_endpoint_ == endpoints_.size()) {
    fail(ErrorCode::upstream_unavailable, "the target cannot be connected: " + last_error.message());
    return;
  }
  const Tcp::endpoint endpoint = endpoints_[next_endpoint_++];
  socket_ = std::make_shared<Socket>(pool_->io());
  auto connected = [self = shared_from_this(), socket = socket_](const error_code& error) {
    if (self->phase_ != Phase::connecting || socket != self->socket_) return;
    if (error) {
      self->connect_next(error);
    } else {
      self->send();
    }
  };
  if (const error_code error = open(*socket_, endpoint.protocol())) {
    asio::post(pool_->io(), [connected = std::move(connected), error] { connected(error); });
  } else {
    socket_->async_connect(endpoint, std::move(connected));
  }
}

void HttpExchange::send() {
  phase_ = Phase::sending;
  sent_ = true;
  written_ = false;
  expire_at(deadline_);
  reader_ = std::make_unique<HttpReplyReader>(pool_->settings().max_reply_bytes);
  const std::array<asio::const_buffer, 2> bytes{asio::buffer(head_), asio::buffer(request_->payload)};
  asio::async_write(*socket_, bytes,
                    [self = shared_from_this(), socket = socket_](const error_code& error, std::size_t written_bytes) {
                      if (self->phase_ == Phase::sending && socket == self->socket_)
                        self->on_written(error, written_bytes);
                    });
  read();
}

void HttpExchange::on_written(const error_code& error, std::size_t bytes) {
  if (!error) {
    written_ = true;
  } else if (bytes == 0) {
    sent_ = false;
    error_code ignored;
    socket_->close(ignored);
    if (reused_) {
      // The peer closed the idle connection between the look at it and the write.
      connect_fresh();
    } else {
      fail(ErrorCode::upstream_unavailable, "the target closed the connection: " + error.message());
    }
  }
  // Otherwise part of the request went out: a reply may be on its way, and reading tells.
}

void HttpExchange::read() {
  const auto room = reader_->prepare();
  socket_->async_read_some(
      asio::buffer(room.data(), room.size()),
      [self = shared_from_this(), socket = socket_](const error_code& error, std::size_t read_bytes) {
        if (self->phase_ == Phase::sending && socket == self->socket_) self->on_read(error, read_bytes);
      });
}

void HttpExchange::on_read(const error_code& error, std::size_t bytes) {
  if (error && error != asio::error::eof) {
    fail(ErrorCode::upstream_error, "the target broke the connection off: " + error.message());
    return;
  }
  switch (error ? reader_->finish() : reader_->commit(bytes)) {
    case HttpReplyReader::State::more: read(); return;
    case HttpReplyReader::State::failed: fail(ErrorCode::upstream_error, reader_->problem()); return;
    case HttpReplyReader::State::complete: finish(reader_->take(), written_ && reader_->reusable()); return;
  }
}

void HttpExchange::fail(ErrorCode code, std::string message) { finish(core::Error{code, std::move(message)}, false); }

void HttpExchange::finish(core::Result<DispatchReply> reply, bool reusable) {
  if (phase_ == Phase::done) return;
  phase_ = Phase::done;
  timer_.cancel();
  const auto self = shared_from_this();
  const auto pool = std::exchange(pool_, nullptr);
  const auto done = std::exchange(done_, nullptr);
  auto socket = std::exchange(socket_, nullptr);
  if (socket != nullptr && !reusable) {
    // Handlers still hold the socket, so it has to be closed and not just let go.
    error_code ignored;
    socket->close(ignored);
    socket = nullptr;
  }
  pool->leave(*this, std::move(socket));
  done({std::move(reply), sent_});
}

}  // namespace semroute::plugins
