#include "router/routes/load_routing.h"

#include <algorithm>
#include <utility>

#include "plugins/registry.h"

namespace semroute::router {

std::size_t RoutingLoad::errors() const noexcept {
  const auto found = std::ranges::count(outcome.problems, config::Severity::error, &config::Diagnostic::severity);
  return static_cast<std::size_t>(found) + outcome.omitted;
}

RoutingLoad load_routing(const std::string& path, std::size_t threads) {
  RoutingLoad load{config::load_config(path, plugins::check_target), nullptr};
  if (!load.outcome.config) return load;
  auto built = build_routing_state(*load.outcome.config, threads);
  if (built.ok()) {
    load.routing = std::move(built).value();
  } else {
    load.outcome.problems.push_back({config::Severity::error, path, {}, "", built.error().message});
    load.outcome.config.reset();
  }
  return load;
}

}  // namespace semroute::router
