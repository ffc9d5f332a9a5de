// HttpUpstream: what all workers share of an http target: its endpoints with their health and counts, its limits.
//
// An endpoint may be used when its last health checks passed and it is not ejected. limits.connections, pending and
// requests, the retry budget and every state are of the process, not of a worker. Connections themselves are a
// worker's (pool.h).
// Threads: any. What succeeds takes no lock; failures and connections that are short take one of their own.
// Lifetime: shared by the target, its pools and their connections.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/target_stats.h"
#include "plugins/targets/connection_limit.h"
#include "plugins/targets/host_addresses.h"
#include "plugins/targets/http/ejection.h"
#include "plugins/targets/http/retry_budget.h"
#include "plugins/targets/http/settings.h"

namespace semroute::plugins {

struct HttpEndpoint {
  HttpEndpoint(const HttpEndpointSettings& own, const HttpSettings& settings, const HostAddresses::LookUp& look_up);

  const HttpUrl url;
  const std::uint32_t weight;
  const std::string address;  // as it is shown: the URL without its query
  const std::string start;    // what begins every request to it
  const HttpTls* const tls;   // null: plain
  const std::shared_ptr<HostAddresses> addresses;
  std::atomic<bool> healthy{true};
  HttpEjection ejection;
  std::shared_ptr<EndpointCounters> counters = std::make_shared<EndpointCounters>();  // outlive a change of the target
};

class HttpUpstream {
 public:
  explicit HttpUpstream(HttpSettings settings, const HostAddresses::LookUp& look_up = look_up_by_system);

  // What is known of the endpoints of the same address: counters, which both count in from now on, and, as far as the
  // settings have health checks and ejection, their state. Before anything else is done with this one.
  void inherit(HttpUpstream& previous, Clock::time_point now);

  [[nodiscard]] const HttpSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] std::size_t size() const noexcept { return endpoints_.size(); }
  [[nodiscard]] HttpEndpoint& endpoint(std::size_t i) noexcept { return *endpoints_[i]; }
  [[nodiscard]] HttpRetryBudget& retry_budget() noexcept { return budget_; }

  // Whether a request may go to the endpoint now; perhaps only as the probe (HttpEjection::claim_probe).
  [[nodiscard]] bool is_usable(std::size_t i, Clock::time_point now) const noexcept;
  // How a try ended, as far as it tells something about the endpoint.
  void on_success(std::size_t i, bool is_probe, Clock::time_point now);
  void on_failure(std::size_t i, bool is_probe, Clock::time_point now);
  void on_nothing_told(std::size_t i, bool is_probe) noexcept;
  // What health checks say.
  void on_healthy(std::size_t i, Clock::time_point now);
  void on_unhealthy(std::size_t i) noexcept { endpoints_[i]->healthy.store(false, std::memory_order_relaxed); }

  // False when all are under way.
  [[nodiscard]] bool take_request() noexcept;
  void give_request() noexcept { requests_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] const std::shared_ptr<ConnectionLimit>& connections() const noexcept { return connections_; }

  [[nodiscard]] TargetStats stats() const;

 private:
  const HttpSettings settings_;
  std::vector<std::unique_ptr<HttpEndpoint>> endpoints_;
  HttpRetryBudget budget_;
  std::mutex ejections_;  // over what changes an ejection's state
  std::size_t ejected_ = 0;

  std::atomic<std::size_t> requests_{0};
  const std::shared_ptr<ConnectionLimit> connections_;
};

}  // namespace semroute::plugins
