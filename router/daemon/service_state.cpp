#include "router/daemon/service_state.h"

#include <algorithm>
#include <utility>

#include "plugins/registry.h"
#include "router/routes/table_writer.h"

namespace semroute::router {

namespace {

std::shared_ptr<plugins::Target> keep_or_make(const config::TargetConfig& wanted, const ServiceState& previous) {
  const auto& old = previous.config.targets;
  const auto same = std::find_if(old.begin(), old.end(), [&](const config::TargetConfig& t) {
    return t.name == wanted.name && t.kind == wanted.kind && t.node == wanted.node;
  });
  if (same != old.end()) return previous.targets[static_cast<std::size_t>(same - old.begin())];
  return plugins::make_target(wanted);
}

}  // namespace

std::shared_ptr<const ServiceState> build_service_state(config::Config config,
                                                        std::shared_ptr<const RoutingState> routing,
                                                        const ServiceState& previous, Metrics& metrics) {
  auto state = std::make_shared<ServiceState>();
  state->routing = std::move(routing);
  state->revision = previous.revision + 1;
  for (const auto& target : config.targets) {
    state->targets.push_back(keep_or_make(target, previous));
    state->target_counters.push_back(&metrics.target(target.name));
  }
  for (const auto& route : state->routing->table.routes()) {
    std::size_t position = ServiceState::kNoTarget;
    if (route.target) {
      const auto it = std::find_if(config.targets.begin(), config.targets.end(),
                                   [&](const config::TargetConfig& t) { return t.name == *route.target; });
      SEMROUTE_CHECK(it != config.targets.end());  // load_config refuses unknown targets
      position = static_cast<std::size_t>(it - config.targets.begin());
    }
    state->route_targets.push_back(position);
    state->route_counters.push_back(&metrics.route(route.name));
  }
  config.routes.clear();
  config.routes.shrink_to_fit();
  state->config = std::move(config);
  return state;
}

std::shared_ptr<const ServiceState> loading_state(config::Config sections) {
  sections.decision.default_route.reset();  // its route is not there yet
  auto routing = build_routing_state(sections);
  SEMROUTE_CHECK(routing.ok());
  auto state = std::make_shared<ServiceState>();
  state->routing = std::move(routing).value();
  state->config = std::move(sections);
  return state;
}

}  // namespace semroute::router
