#include "plugins/targets/http/upstream.h"

#include <algorithm>
#include <utility>

namespace semroute::plugins {
namespace {

std::string shown(const HttpUrl& url) {
  return (url.is_tls ? "https://" : "http://") + url.authority + url.target.substr(0, url.target.find('?'));
}

}  // namespace

HttpEndpoint::HttpEndpoint(const HttpEndpointSettings& own, const HttpSettings& settings,
                           const HostAddresses::LookUp& look_up)
    : url(own.url),
      weight(own.weight),
      address(shown(url)),
      start(request_start(url, settings.headers)),
      tls(url.is_tls ? settings.tls.get() : nullptr),
      addresses(std::make_shared<HostAddresses>(url.host, url.port, look_up)),
      ejection(settings.ejection_failures, settings.ejection_base_time) {}

HttpUpstream::HttpUpstream(HttpSettings settings, const HostAddresses::LookUp& look_up)
    : settings_(std::move(settings)),
      budget_(settings_.retry_budget_percent, settings_.retry_budget_min),
      connections_(std::make_shared<ConnectionLimit>(settings_.max_connections, settings_.max_pending)) {
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

bool HttpUpstream::take_request() noexcept {
  if (requests_.fetch_add(1, std::memory_order_relaxed) < settings_.max_requests) return true;
  give_request();
  return false;
}

TargetStats HttpUpstream::stats() const {
  TargetStats stats;
  const auto now = Clock::now();
  stats.pending = connections_->pending();
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
  if (!is_any_usable) {
    stats.state = "unavailable";
  } else if (connections_->is_used_up() || requests_.load(std::memory_order_relaxed) >= settings_.max_requests) {
    stats.state = "breaker_open";
  }
  return stats;
}

}  // namespace semroute::plugins
