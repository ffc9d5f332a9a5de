// ServiceState: everything that requests are served from, const and swapped whole by a reload or a change.
//
// A request holds the state it began with. Targets that are equal in the old and the new configuration are
// the same objects, so that they keep their connections; counters live in Metrics and outlive both.
// The first state is that of a daemon that is still loading: no routes, and nothing but `unavailable` to answer.
// Threads: built on any one thread, then const.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "plugins/target.h"
#include "router/dispatch/route_targets.h"
#include "router/observe/metrics.h"
#include "router/routes/route_table.h"

namespace semroute::router {

struct ServiceState {
  config::Config config;  // without the loaded references, which the index holds
  std::shared_ptr<const RoutingState> routing;
  std::vector<std::shared_ptr<plugins::Target>> targets;           // as in config.targets
  std::vector<std::shared_ptr<const RouteTargets>> route_targets;  // per route; null: it is decided only
  std::vector<RouteCounters*> route_counters;                      // per route
  std::vector<TargetCounters*> target_counters;                    // per target
  std::uint64_t revision = 0;                                      // 0: still loading

  [[nodiscard]] bool is_loading() const noexcept { return revision == 0; }
};

// What comes after `previous`. `routing` was made from `config`.
[[nodiscard]] std::shared_ptr<const ServiceState> build_service_state(config::Config config,
                                                                      std::shared_ptr<const RoutingState> routing,
                                                                      const ServiceState& previous, Metrics& metrics,
                                                                      std::uint64_t revision);

// The same with other routes. O(routes).
[[nodiscard]] std::shared_ptr<const ServiceState> next_service_state(const ServiceState& previous,
                                                                     std::shared_ptr<const RoutingState> routing,
                                                                     Metrics& metrics, std::uint64_t revision);

// `sections` is of load_sections.
[[nodiscard]] std::shared_ptr<const ServiceState> loading_state(config::Config sections);

}  // namespace semroute::router
