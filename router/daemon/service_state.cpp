#include "router/daemon/service_state.h"

#include <algorithm>
#include <map>
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
  if (same != old.end()) {
    const auto& kept = previous.targets[static_cast<std::size_t>(same - old.begin())];
    if (kept->is_current()) return kept;
  }
  return plugins::make_target(wanted);
}

// Target and counters of every route. Routes that `previous` has, too, have their counters from there.
void add_routes(const ServiceState& previous, Metrics& metrics, ServiceState& state) {
  std::map<std::string_view, std::size_t> targets;
  for (std::size_t i = 0; i < state.config.targets.size(); ++i) targets.emplace(state.config.targets[i].name, i);
  const RouteList old = previous.routing->table.routes();
  std::size_t at = 0;
  for (const Route& route : state.routing->table.routes()) {
    std::size_t position = ServiceState::kNoTarget;
    if (route.target) {
      const auto found = targets.find(*route.target);
      SEMROUTE_CHECK(found != targets.end());  // TableWriter parks routes without
      position = found->second;
    }
    state.route_targets.push_back(position);
    while (at < old.size() && old[at].name < route.name) ++at;
    const bool is_known = at < previous.route_counters.size() && old[at].name == route.name;
    state.route_counters.push_back(is_known ? previous.route_counters[at] : &metrics.route(route.name));
  }
}

}  // namespace

std::shared_ptr<const ServiceState> build_service_state(config::Config config,
                                                        std::shared_ptr<const RoutingState> routing,
                                                        const ServiceState& previous, Metrics& metrics,
                                                        std::uint64_t revision) {
  auto state = std::make_shared<ServiceState>();
  state->routing = std::move(routing);
  state->revision = revision;
  for (const auto& target : config.targets) {
    state->targets.push_back(keep_or_make(target, previous));
    state->target_counters.push_back(&metrics.target(target.name));
  }
  config.routes.clear();
  config.routes.shrink_to_fit();
  state->config = std::move(config);
  add_routes(previous, metrics, *state);
  return state;
}

std::shared_ptr<const ServiceState> next_service_state(const ServiceState& previous,
                                                       std::shared_ptr<const RoutingState> routing, Metrics& metrics,
                                                       std::uint64_t revision) {
  auto state = std::make_shared<ServiceState>();
  state->config = previous.config;
  state->routing = std::move(routing);
  state->targets = previous.targets;
  state->target_counters = previous.target_counters;
  state->revision = revision;
  add_routes(previous, metrics, *state);
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
