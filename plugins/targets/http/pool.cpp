#include "plugins/targets/http/pool.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/base/limits.h"
#include "plugins/targets/http/call.h"

namespace semroute::plugins {

HttpPool::HttpPool(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream)
    : io_(io),
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
  if (serving_) picked = pick(tried, true, is_probe);
  if (!picked) picked = pick(tried, false, is_probe);
  if (!picked) return Search::none;
  if (!serving_ && !waiting_.empty()) {
    // Others were here before.
    upstream_->on_nothing_told(*picked, is_probe);
    return Search::wait;
  }
  place = {*picked, is_probe, true, take_idle(*picked)};
  if (place.connection != nullptr) return Search::found;
  place.is_reused = false;
  HttpPermit permit = given_ ? std::move(given_) : upstream_->take_connection();
  if (!permit && close_idle_but(*picked)) permit = upstream_->take_connection();
  if (permit) {
    place.connection = make(*picked, std::move(permit));
    return Search::found;
  }
  upstream_->on_nothing_told(*picked, is_probe);
  return Search::wait;
}

std::shared_ptr<HttpConnection> HttpPool::make(std::size_t endpoint, HttpPermit permit) {
  const HttpEndpoint& to = upstream_->endpoint(endpoint);
  ++open_;
  return std::make_shared<HttpConnection>(io_, to.tls, to.url.host, std::move(permit));
}

std::shared_ptr<HttpConnection> HttpPool::replace(std::size_t endpoint, HttpConnection& old) {
  HttpPermit permit = old.take_permit();
  old.close();
  --open_;
  return make(endpoint, std::move(permit));
}

std::shared_ptr<HttpConnection> HttpPool::take_idle(std::size_t endpoint) {
  std::vector<Idle>& idle = idle_[endpoint];
  if (idle.empty()) return nullptr;
  const auto known = upstream_->endpoint(endpoint).addresses->known(Clock::now());
  while (!idle.empty()) {
    std::shared_ptr<HttpConnection> connection = std::move(idle.back().connection);
    idle.pop_back();
    // One to an address that the name has no longer is not used again.
    const bool is_current = known == nullptr || std::ranges::find(*known, connection->peer()) != known->end();
    if (is_current && connection->is_quiet()) return connection;
    connection->close();
    --open_;
  }
  return nullptr;
}

bool HttpPool::close_idle_but(std::size_t endpoint) {
  for (std::size_t i = 0; i < idle_.size(); ++i) {
    if (i == endpoint || idle_[i].empty()) continue;
    idle_[i].front().connection->close();
    idle_[i].erase(idle_[i].begin());
    --open_;
    return true;
  }
  return false;
}

bool HttpPool::wait(HttpCall& call) {
  if (!upstream_->take_pending()) return false;
  call.waits_at(waiting_.insert(waiting_.end(), &call));
  want_connection();
  return true;
}

void HttpPool::want_connection() {
  if (std::exchange(wants_, true)) return;
  upstream_->want_connection(this);
  // One that was given back before that would otherwise be told to nobody: giving it back once more tells.
  HttpPermit permit = upstream_->take_connection();
}

void HttpPool::stop_waiting(HttpCall& call) {
  waiting_.erase(call.waits_at());
  upstream_->give_pending();
}

bool HttpPool::is_over_share() const noexcept {
  return open_ * upstream_->pools() > upstream_->settings().max_connections;
}

void HttpPool::put_back(std::size_t endpoint, std::shared_ptr<HttpConnection> connection, bool is_reusable) {
  const bool is_owed = upstream_->is_wanted_by_others(wants_) && (waiting_.empty() || is_over_share());
  if (is_reusable && !closed_ && !is_owed) {
    connection->leave();
    idle_[endpoint].push_back({std::move(connection), Clock::now()});
    if (!std::exchange(sweeping_, true)) deadlines_.set(*this, Clock::now() + core::kHttpIdleTimeout);
  } else {
    connection->close();
    --open_;
  }
  serve_waiting();
}

void HttpPool::serve_waiting() {
  if (std::exchange(serving_, true)) return;
  while (!waiting_.empty() && !closed_) {
    HttpCall& call = *waiting_.front();
    // False: it waits on.
    if (!call.on_turn()) break;
  }
  serving_ = false;
  given_.give_back();
  if (!waiting_.empty() && !closed_) want_connection();
}

void HttpPool::on_connection_given(HttpPermit permit) {
  wants_ = false;
  if (closed_) return;
  given_ = std::move(permit);
  serve_waiting();
}

void HttpPool::give_up_idle() {
  if (closed_ || !upstream_->is_wanted_by_others(wants_)) return;
  (void)close_idle_but(idle_.size());
}

void HttpPool::on_due() {
  const auto oldest = Clock::now() - core::kHttpIdleTimeout;
  bool is_any_left = false;
  for (std::vector<Idle>& idle : idle_) {
    std::erase_if(idle, [&](const Idle& one) {
      if (one.since > oldest && one.connection->is_quiet()) return false;
      one.connection->close();
      --open_;
      return true;
    });
    is_any_left = is_any_left || !idle.empty();
  }
  sweeping_ = is_any_left;
  if (is_any_left) deadlines_.set(*this, Clock::now() + core::kHttpIdleTimeout);
}

void HttpPool::close() {
  closed_ = true;
  upstream_->leave(this);
  for (std::size_t i = 0; i < upstream_->size(); ++i) upstream_->endpoint(i).addresses->forget(this);
  for (std::vector<Idle>& idle : idle_) {
    for (const Idle& one : idle) one.connection->close();
    open_ -= idle.size();
    idle.clear();
  }
  while (calls_ != nullptr) calls_->cancel();
}

}  // namespace semroute::plugins
