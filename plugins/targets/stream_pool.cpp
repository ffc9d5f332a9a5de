#include "plugins/targets/stream_pool.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>

#include "plugins/targets/stream_exchange.h"

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Readable means closed by the peer, or bytes that belong to no request: either way not to be used.
bool is_quiet(StreamPool::Socket& socket) noexcept {
  char byte = 0;
  const ssize_t got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

StreamPool::StreamPool(asio::io_context& io, std::shared_ptr<StreamShared> shared)
    : io_(io), shared_(std::move(shared)), resolver_(io), sweeper_(io) {
  if (settings().is_unix) {
    known_.emplace_back(asio::local::stream_protocol::endpoint(settings().path));
    return;
  }
  error_code error;
  const auto address = asio::ip::make_address(settings().host, error);
  if (!error) known_.emplace_back(asio::ip::tcp::endpoint(address, settings().port));
}

bool StreamPool::admit(const std::shared_ptr<StreamExchange>& exchange) {
  const std::size_t running = exchanges_.size() - waiting_.size();
  const bool waits = running >= settings().connections;
  if (closed_ || (waits && waiting_.size() >= settings().pending)) return false;
  exchanges_.emplace(exchange.get(), exchange);
  if (waits) {
    waiting_.push_back(exchange.get());
    shared_->pending.fetch_add(1, std::memory_order_relaxed);
    exchange->wait();
  } else {
    exchange->start();
  }
  return true;
}

void StreamPool::leave(StreamExchange& exchange, std::shared_ptr<Socket> reusable) {
  if (const auto found = std::find(waiting_.begin(), waiting_.end(), &exchange); found != waiting_.end()) {
    waiting_.erase(found);
    shared_->pending.fetch_sub(1, std::memory_order_relaxed);
  }
  exchanges_.erase(&exchange);
  if (closed_) return;
  if (reusable != nullptr) {
    idle_.push_back({std::move(reusable), Clock::now()});
    sweep_later();
  }
  start_waiting();
}

void StreamPool::start_waiting() {
  while (!waiting_.empty() && exchanges_.size() - waiting_.size() < settings().connections) {
    StreamExchange* next = waiting_.front();
    waiting_.pop_front();
    shared_->pending.fetch_sub(1, std::memory_order_relaxed);
    next->start();
  }
}

std::shared_ptr<StreamPool::Socket> StreamPool::take_idle() {
  while (!idle_.empty()) {
    std::shared_ptr<Socket> socket = std::move(idle_.back().socket);
    idle_.pop_back();
    if (is_quiet(*socket)) return socket;
  }
  return nullptr;
}

void StreamPool::resolve(StreamExchange& exchange) {
  if (!known_.empty()) {
    exchange.on_resolved({}, known_);
    return;
  }
  if (resolving_) return;
  resolving_ = true;
  resolver_.async_resolve(
      settings().host, std::to_string(settings().port), asio::ip::resolver_base::numeric_service,
      [weak = weak_from_this()](const error_code& error, const asio::ip::tcp::resolver::results_type& results) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        std::vector<Endpoint> endpoints;
        for (const auto& result : results) endpoints.emplace_back(result.endpoint());
        self->resolved(error, endpoints);
      });
}

void StreamPool::resolved(const error_code& error, const std::vector<Endpoint>& endpoints) {
  resolving_ = false;
  std::vector<std::shared_ptr<StreamExchange>> ready;
  for (const auto& [key, exchange] : exchanges_) {
    if (exchange->is_resolving()) ready.push_back(exchange);
  }
  // Completions may start or cancel others, hence the copy; one cancelled meanwhile ignores the call.
  for (const auto& exchange : ready) exchange->on_resolved(error, endpoints);
}

void StreamPool::sweep_later() {
  if (sweeping_) return;
  sweeping_ = true;
  sweeper_.expires_after(kStreamIdleTimeout);
  sweeper_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (self != nullptr && !error) self->sweep();
  });
}

void StreamPool::sweep() {
  sweeping_ = false;
  const auto oldest = Clock::now() - kStreamIdleTimeout;
  std::erase_if(idle_, [&](const Idle& idle) { return idle.since <= oldest || !is_quiet(*idle.socket); });
  if (!idle_.empty()) sweep_later();
}

void StreamPool::close() {
  closed_ = true;
  resolver_.cancel();
  sweeper_.cancel();
  idle_.clear();
  std::vector<std::shared_ptr<StreamExchange>> all;
  for (const auto& [key, exchange] : exchanges_) all.push_back(exchange);
  for (const auto& exchange : all) exchange->cancel();
}

}  // namespace semroute::plugins
