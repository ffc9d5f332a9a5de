#include "plugins/targets/http/upstream.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "plugins/targets/http/pool.h"

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;

std::string shown(const HttpUrl& url) {
  return (url.is_tls ? "https://" : "http://") + url.authority + url.target.substr(0, url.target.find('?'));
}

}  // namespace

void HttpPermit::give_back() {
  if (const auto of = std::exchange(of_, nullptr)) of->give_connection();
}

HttpEndpoint::HttpEndpoint(const HttpEndpointSettings& own, const HttpSettings& settings,
                           const HttpAddresses::LookUp& look_up)
    : url(own.url),
      weight(own.weight),
      address(shown(url)),
      start(request_start(url, settings.headers)),
      tls(url.is_tls ? settings.tls.get() : nullptr),
      addresses(std::make_shared<HttpAddresses>(url.host, url.port, look_up)),
      ejection(settings.ejection_failures, settings.ejection_base_time) {}

HttpUpstream::HttpUpstream(HttpSettings settings, const HttpAddresses::LookUp& look_up)
    : settings_(std::move(settings)), budget_(settings_.retry_budget_percent, settings_.retry_budget_min) {
  for (const HttpEndpointSettings& own : settings_.endpoints) {
    endpoints_.push_back(std::make_unique<HttpEndpoint>(own, settings_, look_up));
  }
}

void HttpUpstream::inherit(HttpUpstream& previous, Clock::time_point now) {
  const std::lock_guard lock(previous.ejections_);
  std::vector<HttpEndpoint*> left;
  for (const auto& known : previous.endpoints_) left.push_back(known.get());
  for (const auto& endpoint : endpoints_) {
    const auto found = std::ranges::find(left, endpoint->address, &HttpEndpoint::address);
    if (found == left.end()) continue;
    const HttpEndpoint& known = **found;
    endpoint->counters = known.counters;
    if (settings_.health) endpoint->healthy = known.healthy.load();
    endpoint->ejection.inherit(known.ejection, now);
    if (endpoint->ejection.state() != HttpEjection::State::in) ++ejected_;
    left.erase(found);
  }
}

bool HttpUpstream::is_usable(std::size_t i, Clock::time_point now) const noexcept {
  const HttpEndpoint& endpoint = *endpoints_[i];
  return endpoint.healthy.load(std::memory_order_relaxed) && endpoint.ejection.admits(now);
}

void HttpUpstream::on_success(std::size_t i, bool is_probe, Clock::time_point now) {
  HttpEjection& ejection = endpoints_[i]->ejection;
  if (!is_probe) return ejection.on_success();
  const std::lock_guard lock(ejections_);
  if (ejection.state() != HttpEjection::State::probing) return;  // a health check was faster
  ejection.restore(now);
  --ejected_;
}

void HttpUpstream::on_failure(std::size_t i, bool is_probe, Clock::time_point now) {
  HttpEjection& ejection = endpoints_[i]->ejection;
  if (!is_probe && !ejection.on_failure()) return;
  const std::lock_guard lock(ejections_);
  if (is_probe) {
    if (ejection.state() == HttpEjection::State::probing) ejection.eject(now);
    return;
  }
  if (ejection.state() != HttpEjection::State::in) return;  // another request's failure was faster
  // One may always be ejected, else a target of one endpoint would never know.
  if (ejected_ > 0 && (ejected_ + 1) * 100 > settings_.ejection_max_percent * endpoints_.size()) return;
  ejection.eject(now);
  ++ejected_;
}

void HttpUpstream::on_nothing_told(std::size_t i, bool is_probe) noexcept {
  if (is_probe) endpoints_[i]->ejection.release_probe();
}

void HttpUpstream::on_healthy(std::size_t i, Clock::time_point now) {
  endpoints_[i]->healthy.store(true, std::memory_order_relaxed);
  HttpEjection& ejection = endpoints_[i]->ejection;
  if (ejection.state() == HttpEjection::State::in) return;
  const std::lock_guard lock(ejections_);
  if (ejection.state() == HttpEjection::State::in) return;
  ejection.restore(now);
  --ejected_;
}

bool HttpUpstream::take(std::atomic<std::size_t>& count, std::size_t most) noexcept {
  if (count.fetch_add(1, std::memory_order_seq_cst) < most) return true;
  count.fetch_sub(1, std::memory_order_seq_cst);
  return false;
}

HttpPermit HttpUpstream::take_connection() {
  return take(connections_, settings_.max_connections) ? HttpPermit(shared_from_this()) : HttpPermit();
}

void HttpUpstream::give_connection() {
  if (wanted_.load(std::memory_order_seq_cst) > 0) {
    const std::lock_guard lock(sharing_);
    if (!wanting_.empty()) {
      const auto member = std::ranges::find(members_, wanting_.front(), &Member::key);
      wanting_.pop_front();
      wanted_.fetch_sub(1);
      // The permit itself goes over, so that nobody who asks later is faster.
      asio::post(*member->io, [weak = member->pool, permit = HttpPermit(shared_from_this())]() mutable {
        if (const auto pool = weak.lock()) pool->on_connection_given(std::move(permit));
      });
      return;
    }
  }
  connections_.fetch_sub(1, std::memory_order_seq_cst);
}

void HttpUpstream::join(const std::shared_ptr<HttpPool>& pool) {
  const std::lock_guard lock(sharing_);
  members_.push_back({pool.get(), pool, &pool->io()});
  pool_count_ = members_.size();
}

void HttpUpstream::leave(const HttpPool* pool) {
  const std::lock_guard lock(sharing_);
  std::erase_if(members_, [&](const Member& member) { return member.key == pool; });
  pool_count_ = members_.size();
  wanted_.fetch_sub(static_cast<int>(std::erase(wanting_, pool)));
}

void HttpUpstream::want_connection(const HttpPool* pool) {
  const std::lock_guard lock(sharing_);
  if (std::ranges::find(wanting_, pool) != wanting_.end()) return;
  wanting_.push_back(pool);
  wanted_.fetch_add(1, std::memory_order_seq_cst);
  for (const Member& member : members_) {
    if (member.key == pool) continue;
    asio::post(*member.io, [weak = member.pool] {
      if (const auto asked = weak.lock()) asked->give_up_idle();
    });
  }
}

TargetStats HttpUpstream::stats() const {
  TargetStats stats;
  const auto now = Clock::now();
  stats.pending = pending_.load(std::memory_order_relaxed);
  bool is_any_usable = false;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const HttpEndpoint& endpoint = *endpoints_[i];
    EndpointStats own = endpoint.counters->stats();
    own.address = endpoint.address;
    if (!endpoint.healthy.load(std::memory_order_relaxed)) {
      own.state = "unhealthy";
    } else if (endpoint.ejection.state() != HttpEjection::State::in) {
      own.state = "ejected";
    }
    is_any_usable = is_any_usable || is_usable(i, now);
    stats.endpoints.push_back(std::move(own));
  }
  const bool is_full = connections_.load(std::memory_order_relaxed) >= settings_.max_connections &&
                       stats.pending >= settings_.max_pending;
  if (!is_any_usable) {
    stats.state = "unavailable";
  } else if (is_full || requests_.load(std::memory_order_relaxed) >= settings_.max_requests) {
    stats.state = "breaker_open";
  }
  return stats;
}

}  // namespace semroute::plugins
