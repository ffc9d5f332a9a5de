#include "plugins/targets/host_addresses.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <utility>

#include "core/base/limits.h"

namespace semroute::plugins {

namespace ip = boost::asio::ip;

core::Result<HostAddresses::List> look_up_by_system(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) return core::Error{core::ErrorCode::upstream_unavailable, ::gai_strerror(code)};
  HostAddresses::List list;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    ip::tcp::endpoint endpoint;
    if (one->ai_addrlen > endpoint.capacity() || (one->ai_family != AF_INET && one->ai_family != AF_INET6)) continue;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    endpoint.resize(one->ai_addrlen);
    endpoint.port(port);
    list.push_back(endpoint);
  }
  ::freeaddrinfo(found);
  if (list.empty()) return core::Error{core::ErrorCode::upstream_unavailable, "no address"};
  return list;
}

HostAddresses::HostAddresses(std::string host, std::uint16_t port, LookUp look_up, LookUpThreads& threads)
    : host_(std::move(host)), port_(port), look_up_(std::move(look_up)), threads_(threads) {
  boost::system::error_code error;
  const ip::address literal = ip::make_address(host_, error);
  is_literal_ = !error;
  if (is_literal_) list_ = std::make_shared<const List>(List{{literal, port_}});
}

std::shared_ptr<const HostAddresses::List> HostAddresses::known(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (list_ != nullptr && now >= until_ && !running_) start_look_up();
  return list_;
}

void HostAddresses::wait(const void* key, Waiter waiter) {
  const std::lock_guard lock(mutex_);
  waiters_[key] = std::move(waiter);
  if (!running_) start_look_up();
}

void HostAddresses::forget(const void* key) {
  const std::lock_guard lock(mutex_);
  waiters_.erase(key);
}

void HostAddresses::refresh() {
  const std::lock_guard lock(mutex_);
  if (!is_literal_ && !running_) start_look_up();
}

std::string HostAddresses::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void HostAddresses::start_look_up() {
  running_ = threads_.run([weak = weak_from_this(), host = host_, port = port_, look_up = look_up_] {
    // It may have waited in line for longer than anybody wants to know.
    if (weak.expired()) return;
    core::Result<List> found = look_up(host, port);
    if (const auto self = weak.lock()) self->finish(std::move(found));
  });
  if (running_) return;
  problem_ = "no thread could be started to look it up";
  const auto waiters = std::exchange(waiters_, {});
  for (const auto& [key, waiter] : waiters) waiter();
}

void HostAddresses::finish(core::Result<List> found) {
  const std::lock_guard lock(mutex_);
  running_ = false;
  until_ = Clock::now() + core::kHttpResolveAgain;
  if (found.ok()) {
    list_ = std::make_shared<const List>(std::move(found).value());
    problem_.clear();
  } else {
    problem_ = found.error().message;
  }
  // With the lock held, so that none is called after forget() has returned.
  for (const auto& [key, waiter] : waiters_) waiter();
  waiters_.clear();
}

}  // namespace semroute::plugins
