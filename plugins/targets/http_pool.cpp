#include "plugins/targets/http_pool.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/limits.h"
#include "plugins/targets/http_exchange.h"

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Readable means closed by the peer, or bytes that belong to no request: either way not to be used.
bool is_quiet(HttpPool::Socket& socket) noexcept {
  char byte = 0;
  const ssize_t got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

HttpPool::HttpPool(asio::io_context& io, std::shared_ptr<const HttpSettings> settings)
    : io_(io), settings_(std::move(settings)), resolver_(io), sweeper_(io) {
  error_code error;
  const auto address = asio::ip::make_address(settings_->url.host, error);
  if (!error) literal_.emplace_back(address, settings_->url.port);
}

bool HttpPool::admit(const std::shared_ptr<HttpExchange>& exchange) {
  const std::size_t running = exchanges_.size() - waiting_.size();
  if (closed_ || waiting_.size() >= core::kHttpPendingPerWorker) return false;
  exchanges_.emplace(exchange.get(), exchange);
  if (running < core::kHttpConnectionsPerWorker) {
    exchange->start();
  } else {
    waiting_.push_back(exchange.get());
    exchange->wait();
  }
  return true;
}

void HttpPool::leave(HttpExchange& exchange, std::shared_ptr<Socket> reusable) {
  if (const auto found = std::find(waiting_.begin(), waiting_.end(), &exchange); found != waiting_.end()) {
    waiting_.erase(found);
  }
  exchanges_.erase(&exchange);
  if (closed_) return;
  if (reusable != nullptr) {
    idle_.push_back({std::move(reusable), Clock::now()});
    sweep_later();
  }
  start_waiting();
}

void HttpPool::start_waiting() {
  while (!waiting_.empty() && exchanges_.size() - waiting_.size() < core::kHttpConnectionsPerWorker) {
    HttpExchange* next = waiting_.front();
    waiting_.pop_front();
    next->start();
  }
}

std::shared_ptr<HttpPool::Socket> HttpPool::take_idle() {
  while (!idle_.empty()) {
    std::shared_ptr<Socket> socket = std::move(idle_.back().socket);
    idle_.pop_back();
    if (is_quiet(*socket)) return socket;
  }
  return nullptr;
}

void HttpPool::resolve(HttpExchange& exchange) {
  if (!literal_.empty()) {
    exchange.on_resolved({}, literal_);
    return;
  }
  if (resolving_) return;
  resolving_ = true;
  const auto flags = asio::ip::resolver_base::numeric_service;
  resolver_.async_resolve(
      settings_->url.host, std::to_string(settings_->url.port), flags,
      [weak = weak_from_this()](const error_code& error, const asio::ip::tcp::resolver::results_type& results) {
        const auto self = weak.lock();
        if (self != nullptr) self->resolved(error, Endpoints(results.begin(), results.end()));
      });
}

void HttpPool::resolved(const error_code& error, const Endpoints& endpoints) {
  resolving_ = false;
  std::vector<std::shared_ptr<HttpExchange>> ready;
  for (const auto& [key, exchange] : exchanges_) {
    if (exchange->is_resolving()) ready.push_back(exchange);
  }
  // Completions may start or cancel others, hence the copy; one cancelled meanwhile ignores the call.
  for (const auto& exchange : ready) exchange->on_resolved(error, endpoints);
}

void HttpPool::sweep_later() {
  if (sweeping_) return;
  sweeping_ = true;
  sweeper_.expires_after(kHttpIdleTimeout);
  sweeper_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (self != nullptr && !error) self->sweep();
  });
}

void HttpPool::sweep() {
  sweeping_ = false;
  const auto oldest = Clock::now() - kHttpIdleTimeout;
  std::erase_if(idle_, [&](const Idle& idle) { return idle.since <= oldest || !is_quiet(*idle.socket); });
  if (!idle_.empty()) sweep_later();
}

void HttpPool::close() {
  closed_ = true;
  resolver_.cancel();
  sweeper_.cancel();
  idle_.clear();
  std::vector<std::shared_ptr<HttpExchange>> all;
  for (const auto& [key, exchange] : exchanges_) all.push_back(exchange);
  for (const auto& exchange : all) exchange->cancel();
}

}  // namespace semroute::plugins
