// Metrics: everything the daemon counts, as Prometheus text (names: docs/operations.md).
//
// Workers count in their own WorkerCounters; counters of routes and targets are shared relaxed
// atomics that outlive reloads (the same name gets the same counters). Routes beyond
// kMaxRouteLabels share the label "_other"; decisions without a route have the label "".
// Complexity: counting is a few atomic adds; expose() is linear in the label values.
// Threads: route(), target() and add_worker() on the control thread; counting on any thread;
// expose() on any thread.
// Lifetime: returned references live as long as the Metrics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/index/index_bytes.h"
#include "plugins/target_stats.h"
#include "router/observe/worker_counters.h"
#include "router/protocol/reply.h"

namespace semroute::router {

inline constexpr std::array<double, 17> kScoreBounds{-0.5, 0.0, 0.1,  0.2, 0.3, 0.4, 0.5,  0.6,  0.7,
                                                     0.8,  0.9, 0.95, 1.0, 2.0, 5.0, 10.0, 100.0};
inline constexpr std::size_t kDecisionKinds = 3;
inline constexpr std::size_t kReasons = 6;

// Of one route, or of the decisions without one.
struct RouteCounters {
  std::array<std::array<std::atomic<std::uint64_t>, kReasons>, kDecisionKinds> decisions{};
  std::array<std::atomic<std::uint64_t>, kScoreBounds.size() + 1> scores{};
  std::atomic<double> score_sum{0.0};

  void count(DecisionKind decision, Reason reason) noexcept {
    decisions[static_cast<std::size_t>(decision)][static_cast<std::size_t>(reason)].fetch_add(
        1, std::memory_order_relaxed);
  }
  void observe_score(float score) noexcept;
};

inline constexpr std::size_t kOutcomes = 20;  // "ok" and one per error code

struct TargetCounters {
  std::array<std::atomic<std::uint64_t>, kOutcomes> outcomes{};  // 0: ok; else the error code's number
  std::atomic<std::uint64_t> in_flight{0};

  void count_ok() noexcept { outcomes[0].fetch_add(1, std::memory_order_relaxed); }
  void count_error(core::ErrorCode code) noexcept {
    outcomes[static_cast<std::size_t>(code)].fetch_add(1, std::memory_order_relaxed);
  }
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  [[nodiscard]] WorkerCounters& add_worker();
  [[nodiscard]] RouteCounters& route(const std::string& name);
  [[nodiscard]] TargetCounters& target(const std::string& name);
  [[nodiscard]] RouteCounters& no_route() noexcept { return no_route_; }

  // Gauges of the running state, set by the control thread.
  std::atomic<std::uint64_t> references{0};
  std::atomic<std::uint64_t> negatives{0};
  std::atomic<std::uint64_t> routes{0};
  std::atomic<std::uint64_t> parked_routes{0};
  std::atomic<std::uint64_t> revision{0};
  std::atomic<bool> reload_success{true};
  std::atomic<std::uint64_t> connections_refused{0};
  // Read when asked: lines that the decision log had to drop.
  std::function<std::uint64_t()> decision_log_dropped;
  // Read when asked: what the indexes hold in memory.
  std::function<core::IndexBytes()> index_bytes;

  // Read when asked: what the targets say of themselves, by name.
  using TargetsStats = std::vector<std::pair<std::string, plugins::TargetStats>>;
  std::function<TargetsStats()> target_stats;

  // What data_dir holds; unset without one.
  struct StoreUse {
    std::uint64_t live_bytes = 0;  // of the records that count
    std::uint64_t log_bytes = 0;   // since the newest snapshot
    std::uint64_t disk_bytes = 0;  // all of it
    std::string read_only;         // why no change is taken; empty: they are
  };
  std::function<StoreUse()> store;

  // The sums over all workers.
  struct Totals {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t cut_off = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t output_overflow = 0;
  };
  [[nodiscard]] Totals totals() const;

  // Calls visit(name, counters) for each target ever configured, by name.
  void for_each_target(const std::function<void(const std::string&, const TargetCounters&)>& visit) const;

  // Prometheus text exposition format 0.0.4.
  [[nodiscard]] std::string expose() const;

 private:
  class Collector;
  friend class Collector;
  mutable std::mutex mutex_;  // guards the maps and the list, not what they hold
  std::vector<std::unique_ptr<WorkerCounters>> workers_;
  std::map<std::string, std::unique_ptr<RouteCounters>> routes_by_name_;
  std::map<std::string, std::unique_ptr<TargetCounters>> targets_by_name_;
  RouteCounters no_route_;
};

}  // namespace semroute::router
