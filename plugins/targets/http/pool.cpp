#include "plugins/targets/http/pool.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/base/limits.h"
#include "plugins/targets/http/call.h"

namespace semroute::plugins {

HttpPool::HttpPool(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream)
    : ConnectionPool(io, upstream->connections()),
      upstream_(std::move(upstream)),
      deadlines_(io),
      balancer_(upstream_->settings().balance),
      random_((std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}() | 1U),
      choice_(upstream_->size()),
      idle_(upstream_->size()) {}

// xorshift64*: Vigna, An experimental exploration of Marsaglia's xorshift generators, scrambled.
std::uint64_t HttpPool::random() noexcept {
  random_ ^= random_ >> 12U;
  random_ ^= random_ << 25U;
  random_ ^= random_ >> 27U;
  return random_ * 0x2545F4914F6CDD1DULL;
}

void HttpPool::enter(const std::shared_ptr<HttpCall>& call) { call->link(call, calls_); }

void HttpPool::leave(HttpCall& call) { call.unlink(calls_); }

std::optional<std::size_t> HttpPool::pick(std::uint64_t tried, bool only_idle, bool& is_probe) {
  const auto now = Clock::now();
  for (std::size_t i = 0; i < choice_.size(); ++i) {
    HttpEndpoint& endpoint = upstream_->endpoint(i);
    choice_[i] = {endpoint.weight, endpoint.counters->in_flight(),
                  upstream_->is_usable(i, now) && !(only_idle && idle_[i].empty()), ((tried >> i) & 1U) != 0};
  }
  for (;;) {
    const auto picked = balancer_.pick(choice_, random());
    if (!picked) return std::nullopt;
    HttpEjection& ejection = upstream_->endpoint(*picked).ejection;
    is_probe = false;
    if (ejection.state() == HttpEjection::State::in) return picked;
    if (ejection.claim_probe(now)) {
      is_probe = true;
      return picked;
    }
    choice_[*picked].usable = false;  // another worker was faster
  }
}

HttpPool::Search HttpPool::find_place(std::uint64_t tried, Place& place) {
  bool is_probe = false;
  std::optional<std::size_t> picked;
  // Who has waited takes what there is.
  if (is_serving()) picked = pick(tried, true, is_probe);
  if (!picked) picked = pick(tried, false, is_probe);
  if (!picked) return Search::none;
  if (!is_serving() && has_waiting()) {
    // Others were here before.
    upstream_->on_nothing_told(*picked, is_probe);
    return Search::wait;
  }
  place = {*picked, is_probe, true, take_idle(*picked)};
  if (place.connection != nullptr) return Search::found;
  place.is_reused = false;
  ConnectionPermit permit = take_permit();
  if (!permit && close_idle_but(*picked)) permit = take_permit();
  if (permit) {
    place.connection = make(*picked, std::move(permit));
    return Search::found;
  }
  upstream_->on_nothing_told(*picked, is_probe);
  return Search::wait;
}

std::shared_ptr<HttpConnection> HttpPool::make(std::size_t endpoint, ConnectionPermit permit) {
  const HttpEndpoint& to = upstream_->endpoint(endpoint);
  return std::make_shared<HttpConnection>(io(), to.tls, to.url.host, std::move(permit));
}

std::shared_ptr<HttpConnection> HttpPool::replace(std::size_t endpoint, HttpConnection& old) {
  ConnectionPermit permit = old.take_permit();
  old.close();
  return make(endpoint, std::move(permit));
}

std::shared_ptr<HttpConnection> HttpPool::take_idle(std::size_t endpoint) {
  std::vector<Idle>& idle = idle_[endpoint];
  if (idle.empty()) return nullptr;
  const auto known = upstream_->endpoint(endpoint).addresses->known(Clock::now());
  while (!idle.empty()) {
    std::shared_ptr<HttpConnection> connection = std::move(idle.back().connection);
    idle.pop_back();
    set_idle_count(idle_count() - 1);
    // One to an address that the name has no longer is not used again.
    const bool is_current = known == nullptr || std::ranges::find(*known, connection->peer()) != known->end();
    if (is_current && connection->is_quiet()) return connection;
    close(*connection);
  }
  return nullptr;
}

bool HttpPool::close_idle_but(std::size_t endpoint) {
  for (std::size_t i = 0; i < idle_.size(); ++i) {
    if (i == endpoint || idle_[i].empty()) continue;
    const auto connection = std::move(idle_[i].front().connection);
    idle_[i].erase(idle_[i].begin());
    set_idle_count(idle_count() - 1);
    close(*connection);
    return true;
  }
  return false;
}

ConnectionLimit::Wait HttpPool::wait(HttpCall& call) {
  const ConnectionLimit::Wait wait = begin_wait();
  if (wait == ConnectionLimit::Wait::refused) return wait;
  call.waits_at(waiting_.insert(waiting_.end(), &call));
  want_connection();
  return wait;
}

void HttpPool::stop_waiting(HttpCall& call) {
  waiting_.erase(call.waits_at());
  end_wait();
}

void HttpPool::put_back(std::size_t endpoint, std::shared_ptr<HttpConnection> connection, bool is_reusable) {
  if (is_reusable && !is_closed() && !is_owed()) {
    connection->leave();
    idle_[endpoint].push_back({std::move(connection), Clock::now()});
    set_idle_count(idle_count() + 1);
    if (!std::exchange(sweeping_, true)) deadlines_.set(*this, Clock::now() + core::kHttpIdleTimeout);
  } else {
    close(*connection);
  }
  serve_waiting();
}

void HttpPool::close(HttpConnection& connection) {
  connection.close();
  on_closed();
}

bool HttpPool::serve_next() { return waiting_.front()->on_turn(); }

void HttpPool::on_due() {
  const auto oldest = Clock::now() - core::kHttpIdleTimeout;
  std::size_t left = 0;
  for (std::vector<Idle>& idle : idle_) {
    std::erase_if(idle, [&](const Idle& one) {
      if (one.since > oldest && one.connection->is_quiet()) return false;
      close(*one.connection);
      return true;
    });
    left += idle.size();
  }
  set_idle_count(left);
  sweeping_ = left > 0;
  if (sweeping_) deadlines_.set(*this, Clock::now() + core::kHttpIdleTimeout);
}

void HttpPool::close() {
  close_line();
  for (std::vector<Idle>& idle : idle_) {
    for (const Idle& one : idle) close(*one.connection);
    idle.clear();
  }
  set_idle_count(0);
  while (calls_ != nullptr) calls_->cancel();
}

}  // namespace semroute::plugins
