// HttpUpstream: what all workers share of an http target: its endpoints with their health and counts, its limits.
//
// An endpoint may be used when its last health checks passed and it is not ejected. limits.connections, pending and
// requests, the retry budget and every state are of the process, not of a worker. Connections themselves are a
// worker's (pool.h): a worker that needs one when all permits are taken asks the others, which then close what they
// hold idle, or do not take up again what comes free, until it has its share.
// Threads: any. What succeeds takes no lock; failures and connections that are short take one of their own.
// Lifetime: shared by the target, its pools and their connections.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/target_stats.h"
#include "plugins/targets/http/addresses.h"
#include "plugins/targets/http/ejection.h"
#include "plugins/targets/http/permit.h"
#include "plugins/targets/http/retry_budget.h"
#include "plugins/targets/http/settings.h"

namespace semroute::plugins {

class HttpPool;

struct HttpEndpoint {
  HttpEndpoint(const HttpEndpointSettings& own, const HttpSettings& settings, const HttpAddresses::LookUp& look_up);

  const HttpUrl url;
  const std::uint32_t weight;
  const std::string address;  // as it is shown: the URL without its query
  const std::string start;    // what begins every request to it
  const HttpTls* const tls;   // null: plain
  const std::shared_ptr<HttpAddresses> addresses;
  std::atomic<bool> healthy{true};
  HttpEjection ejection;
  std::shared_ptr<EndpointCounters> counters = std::make_shared<EndpointCounters>();  // outlive a change of the target
};

class HttpUpstream : public std::enable_shared_from_this<HttpUpstream> {
 public:
  explicit HttpUpstream(HttpSettings settings, const HttpAddresses::LookUp& look_up = look_up_by_system);

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

  [[nodiscard]] bool take_request() noexcept { return take(requests_, settings_.max_requests); }
  void give_request() noexcept { requests_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] bool take_pending() noexcept { return take(pending_, settings_.max_pending); }
  void give_pending() noexcept { pending_.fetch_sub(1, std::memory_order_relaxed); }
  // False when all are taken.
  [[nodiscard]] HttpPermit take_connection();

  void join(const std::shared_ptr<HttpPool>& pool);
  void leave(const HttpPool* pool);
  // The next permit that is given back goes to the pool, by HttpPool::on_connection_given(); first come, first served.
  // One that was given back just before is to be taken with take_connection().
  void want_connection(const HttpPool* pool);
  // By how many pools; the asking one counts when it `wants`.
  [[nodiscard]] bool is_wanted_by_others(bool wants) const noexcept { return wanted_.load() > (wants ? 1 : 0); }
  [[nodiscard]] std::size_t pools() const noexcept { return pool_count_.load(std::memory_order_relaxed); }

  [[nodiscard]] TargetStats stats() const;

 private:
  friend class HttpPermit;
  struct Member {
    const HttpPool* key;
    std::weak_ptr<HttpPool> pool;
    boost::asio::io_context* io;  // its worker's, which runs for as long as the pool is a member
  };

  [[nodiscard]] static bool take(std::atomic<std::size_t>& count, std::size_t most) noexcept;
  void give_connection();
  void eject(std::size_t i, Clock::time_point now);

  const HttpSettings settings_;
  std::vector<std::unique_ptr<HttpEndpoint>> endpoints_;
  HttpRetryBudget budget_;
  std::mutex ejections_;  // over what changes an ejection's state
  std::size_t ejected_ = 0;

  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::size_t> connections_{0};

  std::mutex sharing_;  // over the pools
  std::vector<Member> members_;
  std::deque<const HttpPool*> wanting_;
  std::atomic<int> wanted_{0};
  std::atomic<std::size_t> pool_count_{0};
};

}  // namespace semroute::plugins
