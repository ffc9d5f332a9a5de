#include "plugins/targets/http/exchange.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "plugins/refusals.h"

namespace semroute::plugins {

namespace asio = boost::asio;
using boost::system::error_code;
using core::ErrorCode;
using Cause = HttpTryEnd::Cause;

void HttpExchange::start(const std::shared_ptr<HttpPool>& pool, HttpPool::Place place, HttpTry what) {
  pool_ = pool;
  connection_ = std::move(place.connection);
  endpoint_ = place.endpoint;
  reused_ = place.is_reused;
  what_ = std::move(what);
  sent_ = paused_ = resumed_ = ended_ = false;
  const auto& per_try = pool_->upstream().settings().per_try_timeout;
  try_deadline_ = per_try ? Clock::now() + *per_try : Clock::time_point::max();
  connection_->use(*this);
  if (reused_) {
    send();
  } else {
    connect();
  }
}

void HttpExchange::connect() {
  phase_ = Phase::resolving;
  sent_ = false;
  const auto now = Clock::now();
  const auto due = now + pool_->upstream().settings().connect_timeout;
  pool_->deadlines().set(*this, std::min({what_.deadline, try_deadline_, due}));
  HostAddresses& addresses = *pool_->upstream().endpoint(endpoint_).addresses;
  if (addresses.known(now) != nullptr) return on_resolved();
  resolving_ = std::make_shared<bool>(true);
  addresses.wait(this, [this, &io = pool_->io(), waits = std::weak_ptr<bool>(resolving_)] {
    asio::post(io, [this, waits] {
      if (!waits.expired()) on_resolved();
    });
  });
}

void HttpExchange::on_resolved() {
  resolving_.reset();
  HttpUpstream& upstream = pool_->upstream();
  HostAddresses& addresses = *upstream.endpoint(endpoint_).addresses;
  auto known = addresses.known(Clock::now());
  if (known == nullptr) {
    return fail(Cause::connect_failure, ErrorCode::upstream_unavailable,
                "the target's name does not resolve: " + addresses.problem());
  }
  const HttpNetworks& denied = upstream.settings().deny_networks;
  if (std::ranges::all_of(*known, [&](const auto& one) { return denied.contain(one.address()); })) {
    return fail(Cause::denied, ErrorCode::forbidden, "the target's address is in one of its deny_networks");
  }
  phase_ = Phase::connecting;
  connection_->connect(std::move(known), denied);
}

void HttpExchange::on_connected(const error_code& error) {
  if (error) {
    return fail(Cause::connect_failure, ErrorCode::upstream_unavailable,
                "the target cannot be connected: " + connection_->problem(error));
  }
  send();
}

void HttpExchange::send() {
  phase_ = Phase::sending;
  sent_ = true;
  pool_->deadlines().set(*this, std::min(what_.deadline, try_deadline_));
  const bool is_streamed = what_.sink != nullptr;
  connection_->reader().start(is_streamed ? std::numeric_limits<std::size_t>::max()
                                          : pool_->upstream().settings().max_reply_bytes);
  body_.clear();
  const HttpConnection::Bytes bytes{asio::buffer(what_.start), asio::buffer(what_.headers),
                                    asio::buffer(what_.payload)};
  const HttpConnection::Written written = connection_->write(bytes, what_.keep);
  written_ = written.ended;
  if (written.error) return on_written(written.error, 0);
  connection_->read();
}

void HttpExchange::on_written(const error_code& error, std::size_t bytes) {
  if (!error) {
    written_ = true;
    return;
  }
  // Part of the request went out: a reply may be on its way, and reading tells.
  if (bytes > 0 || phase_ != Phase::sending || connection_->reader().begun()) return;
  sent_ = false;
  if (std::exchange(reused_, false)) {
    // The peer closed the idle connection between the look at it and the write.
    connection_ = pool_->replace(endpoint_, *connection_);
    connection_->use(*this);
    return connect();
  }
  fail(Cause::reset_before_request, ErrorCode::upstream_unavailable,
       "the target closed the connection: " + error.message());
}

void HttpExchange::on_read(const error_code& error, std::size_t bytes) {
  if (error && error != asio::error::eof) {
    return fail(Cause::reset, ErrorCode::upstream_error, "the target broke the connection off: " + error.message());
  }
  ended_ = static_cast<bool>(error);
  if (ended_) {
    connection_->reader().commit_end();
  } else {
    connection_->reader().commit(bytes);
  }
  if (phase_ == Phase::streaming) {
    pool_->deadlines().set(*this, Clock::now() + pool_->upstream().settings().stream_idle_timeout);
  }
  take_what_came();
}

void HttpExchange::take_what_came() {
  const auto keep = what_.keep;  // this is part of it
  taking_ = true;
  while (phase_ != Phase::done && !paused_) {
    HttpReplyReader& reader = connection_->reader();
    const auto event = what_.sink != nullptr ? reader.next() : reader.next_whole(body_);
    if (event == HttpReplyReader::Event::more) {
      connection_->read();
      break;
    }
    switch (event) {
      case HttpReplyReader::Event::head: on_head(); break;
      case HttpReplyReader::Event::bytes: hand_over(); break;
      case HttpReplyReader::Event::complete: {
        HttpTryEnd end{.message = {}, .reply = {reader.status(), reader.content_type(), std::move(body_)}};
        end.is_told = phase_ == Phase::streaming;
        finish(std::move(end), written_ && reader.reusable());
        break;
      }
      default:
        fail(reader.too_long() ? Cause::too_long : (ended_ ? Cause::reset : Cause::bad_reply),
             ErrorCode::upstream_error, reader.problem());
    }
  }
  taking_ = false;
}

void HttpExchange::on_head() {
  HttpReplyReader& reader = connection_->reader();
  if (!owner_.is_wanted(reader.status())) {
    // Its body is nobody's.
    return finish({.message = {}, .reply = {reader.status(), reader.content_type(), {}}}, false);
  }
  phase_ = Phase::streaming;
  pool_->deadlines().set(*this, Clock::now() + pool_->upstream().settings().stream_idle_timeout);
  what_.sink->on_head(reader.status(), reader.content_type());
}

void HttpExchange::hand_over() {
  resumed_ = false;
  const bool takes_more = what_.sink->on_bytes(connection_->reader().bytes());
  if (takes_more || resumed_ || phase_ == Phase::done) return;
  // What the target sends stays in the sockets, and then with the target.
  paused_ = true;
  HttpDeadlines::clear(*this);
}

void HttpExchange::resume() {
  resumed_ = true;
  if (taking_ || !paused_ || phase_ == Phase::done) return;
  paused_ = false;
  pool_->deadlines().set(*this, Clock::now() + pool_->upstream().settings().stream_idle_timeout);
  take_what_came();
}

void HttpExchange::cancel() {
  if (phase_ != Phase::done) fail(Cause::cancelled, ErrorCode::cancelled, "the request was cancelled");
}

void HttpExchange::on_due() {
  const bool is_over = what_.deadline <= Clock::now();
  const Cause deadline = what_.deadline_is_own ? Cause::own_deadline : Cause::timeout;
  switch (phase_) {
    case Phase::done: return;
    case Phase::resolving:
    case Phase::connecting:
      if (is_over) return fail(deadline, ErrorCode::timeout, deadline_passed().message);
      return fail(Cause::connect_failure, ErrorCode::upstream_unavailable,
                  phase_ == Phase::resolving ? "the target's name was not resolved within connect_timeout"
                                             : "the target was not connected within connect_timeout");
    case Phase::sending:
      return fail(is_over ? deadline : Cause::try_timeout, ErrorCode::upstream_timeout,
                  "the target's reply was not complete in time");
    case Phase::streaming:
      return fail(Cause::try_timeout, ErrorCode::upstream_timeout, "the target sent nothing for stream_idle_timeout");
  }
}

void HttpExchange::fail(Cause cause, ErrorCode code, std::string message) {
  HttpTryEnd end{.cause = cause, .code = code, .message = std::move(message), .reply = {}};
  end.is_told = phase_ == Phase::streaming;
  finish(std::move(end), false);
}

void HttpExchange::finish(HttpTryEnd end, bool is_reusable) {
  HttpDeadlines::clear(*this);
  const auto pool = std::exchange(pool_, nullptr);
  if (std::exchange(resolving_, nullptr) != nullptr) pool->upstream().endpoint(endpoint_).addresses->forget(this);
  phase_ = Phase::done;
  paused_ = false;
  end.sent = sent_;
  const auto keep = std::exchange(what_.keep, nullptr);
  pool->put_back(endpoint_, std::exchange(connection_, nullptr), is_reusable);
  owner_.on_try_end(std::move(end));
}

}  // namespace semroute::plugins
