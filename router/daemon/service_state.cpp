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

using TargetsByName = std::map<std::string_view, DispatchTarget>;

const DispatchTarget& named(const TargetsByName& targets, const std::string& name) {
  const auto found = targets.find(name);
  SEMROUTE_CHECK(found != targets.end());  // TableWriter parks routes without
  return found->second;
}

std::shared_ptr<const RouteTargets> targets_of(const Route& route, const TargetsByName& targets) {
  const config::Destination& destination = route.destination;
  if (destination.targets.empty()) return nullptr;
  std::vector<std::pair<DispatchTarget, double>> split;
  for (const config::TargetShare& share : destination.targets)
    split.emplace_back(named(targets, share.target), static_cast<double>(share.weight));
  std::vector<DispatchTarget> fallbacks;
  for (const std::string& name : destination.fallbacks) fallbacks.push_back(named(targets, name));
  std::optional<RouteTargets::MirrorTo> mirror;
  if (destination.mirror)
    mirror.emplace(
        RouteTargets::MirrorTo{named(targets, destination.mirror->target), destination.mirror->percent / 100.0});
  return std::make_shared<const RouteTargets>(route.name, split, std::move(fallbacks), std::move(mirror));
}

// Targets and counters of every route. Routes that `previous` has, too, have their counters from there; and their
// targets, when these are the same objects.
void add_routes(const ServiceState& previous, bool has_same_targets, Metrics& metrics, ServiceState& state) {
  TargetsByName targets;
  for (std::size_t i = 0; i < state.targets.size(); ++i)
    targets.emplace(state.targets[i]->name(), DispatchTarget{state.targets[i], state.target_counters[i]});
  const RouteList old = previous.routing->table.routes();
  std::size_t at = 0;
  for (const Route& route : state.routing->table.routes()) {
    while (at < old.size() && old[at].name < route.name) ++at;
    const bool is_known = at < previous.route_counters.size() && old[at].name == route.name;
    state.route_counters.push_back(is_known ? previous.route_counters[at] : &metrics.route(route.name));
    const bool is_same = is_known && has_same_targets && old[at].destination == route.destination;
    state.route_targets.push_back(is_same ? previous.route_targets[at] : targets_of(route, targets));
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
  add_routes(previous, false, metrics, *state);
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
  add_routes(previous, true, metrics, *state);
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
