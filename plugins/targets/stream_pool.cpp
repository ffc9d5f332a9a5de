#include "plugins/targets/stream_pool.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "core/base/limits.h"
#include "plugins/targets/stream_exchange.h"

namespace semroute::plugins {
namespace {

using boost::system::error_code;

// Readable means closed by the peer, or bytes that belong to no request: either way not to be used.
bool is_quiet(StreamPool::Socket& socket) noexcept {
  char byte = 0;
  const ssize_t got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

StreamShared::StreamShared(StreamSettings own, const HostAddresses::LookUp& look_up)
    : settings(std::move(own)),
      connections(std::make_shared<ConnectionLimit>(settings.connections, settings.pending)),
      addresses(settings.is_unix ? nullptr : std::make_shared<HostAddresses>(settings.host, settings.port, look_up)) {}

StreamPool::StreamPool(boost::asio::io_context& io, std::shared_ptr<StreamShared> shared)
    : ConnectionPool(io, shared->connections), shared_(std::move(shared)), sweeper_(io) {}

bool StreamPool::admit(const std::shared_ptr<StreamExchange>& exchange) {
  if (is_closed()) return false;
  Place place;
  if (!has_waiting()) place = find_place();
  if (place.permit) {
    exchanges_.emplace(exchange.get(), exchange);
    exchange->start(std::move(place));
    return true;
  }
  const ConnectionLimit::Wait wait = begin_wait();
  if (wait == ConnectionLimit::Wait::refused) return false;
  exchanges_.emplace(exchange.get(), exchange);
  waiting_.push_back(exchange.get());
  exchange->wait(wait == ConnectionLimit::Wait::handover);
  want_connection();
  return true;
}

StreamPool::Place StreamPool::find_place() {
  while (!idle_.empty()) {
    Place place{std::move(idle_.back().permit), std::move(idle_.back().socket)};
    idle_.pop_back();
    set_idle_count(idle_.size());
    if (is_quiet(*place.socket)) return place;
    if (!idle_.empty()) {
      on_closed();
      continue;
    }
    // A fresh one takes its place.
    place.socket = nullptr;
    return place;
  }
  return {take_permit(), nullptr};
}

bool StreamPool::serve_next() {
  Place place = find_place();
  if (!place.permit) return false;
  StreamExchange* next = waiting_.front();
  waiting_.pop_front();
  end_wait();
  next->start(std::move(place));
  return true;
}

void StreamPool::leave(StreamExchange& exchange, Place left) {
  if (const auto found = std::find(waiting_.begin(), waiting_.end(), &exchange); found != waiting_.end()) {
    waiting_.erase(found);
    end_wait();
  }
  exchanges_.erase(&exchange);
  if (left.socket != nullptr && !is_closed() && !is_owed()) {
    idle_.push_back({std::move(left.permit), std::move(left.socket), Clock::now()});
    set_idle_count(idle_.size());
    sweep_later();
  } else if (left.permit) {
    left.socket = nullptr;
    on_closed();
    left.permit.give_back();
  }
  serve_waiting();
}

bool StreamPool::close_an_idle_one() {
  if (idle_.empty()) return false;
  close_idle(0);
  return true;
}

void StreamPool::close_idle(std::size_t at) {
  const Idle closed = std::move(idle_[at]);
  idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(at));
  set_idle_count(idle_.size());
  on_closed();
}

void StreamPool::sweep_later() {
  if (sweeping_) return;
  sweeping_ = true;
  sweeper_.expires_after(core::kHttpIdleTimeout);
  sweeper_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (self != nullptr && !error) self->sweep();
  });
}

void StreamPool::sweep() {
  sweeping_ = false;
  const auto oldest = Clock::now() - core::kHttpIdleTimeout;
  for (std::size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i].since <= oldest || !is_quiet(*idle_[i].socket)) close_idle(i);
  }
  if (!idle_.empty()) sweep_later();
}

void StreamPool::close() {
  close_line();
  sweeper_.cancel();
  while (close_an_idle_one()) {
  }
  std::vector<std::shared_ptr<StreamExchange>> all;
  for (const auto& [key, exchange] : exchanges_) all.push_back(exchange);
  for (const auto& exchange : all) exchange->cancel();
}

}  // namespace semroute::plugins
