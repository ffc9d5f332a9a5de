// Routing states for tests. Under `dot` with one dimension and the request {1}, a reference's value is its score.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "router/decide/decide.h"
#include "router/routes/table_writer.h"

namespace semroute::router::test {

struct RouteSpec {
  std::string name;
  std::vector<float> references;  // dimension numbers each
  std::vector<float> negatives = {};
  std::optional<double> score_threshold = std::nullopt;
  std::vector<std::pair<std::string, config::Value>> metadata = {};
};

template <class T>
config::Value value(T data) {
  config::Value made;
  made.data = std::move(data);
  return made;
}

inline config::Value text(const char* data) { return value(std::string(data)); }

inline config::Config config_of(const std::vector<RouteSpec>& routes, config::DecisionConfig decision,
                                core::Metric metric = core::Metric::dot, std::size_t dimension = 1) {
  config::Config config;
  config.index.dimension = dimension;
  config.index.metric = metric;
  config.decision = std::move(decision);
  for (const RouteSpec& spec : routes) {
    config::RouteConfig route;
    route.name = spec.name;
    route.score_threshold = spec.score_threshold;
    route.references.values = spec.references;
    route.negatives.values = spec.negatives;
    config::Value::Map members;
    for (const auto& [key, data] : spec.metadata) members.push_back({key, {}, data});
    if (!members.empty()) route.metadata = value(std::move(members));
    config.routes.push_back(std::move(route));
  }
  return config;
}

inline std::shared_ptr<const RoutingState> state_of(const std::vector<RouteSpec>& routes,
                                                    config::DecisionConfig decision = {},
                                                    core::Metric metric = core::Metric::dot,
                                                    std::size_t dimension = 1) {
  auto built = build_routing_state(config_of(routes, std::move(decision), metric, dimension));
  if (!built.ok()) {
    ADD_FAILURE() << built.error().message;
    return nullptr;
  }
  return built.value();
}

inline config::DecisionConfig max_at(double threshold) {
  config::DecisionConfig decision;
  decision.aggregation = config::Aggregation::max;
  decision.score_threshold = threshold;
  return decision;
}

inline Decision decide_one(const RoutingState& state, DecideRequest request = {}) {
  static const float kOne[] = {1.0F};
  if (request.embedding.empty()) request.embedding = kOne;
  DecideScratch scratch;
  Decision decision;
  decide(state, request, scratch, decision);
  return decision;
}

inline std::vector<float> stored(const core::Index& index, core::ReferenceId id) {
  std::vector<float> vector(index.params().dimension);
  EXPECT_TRUE(index.read(id, vector)) << id;
  return vector;
}

// The name of the route served; "" for none.
inline std::string served(const RoutingState& state, const Decision& decision) {
  return decision.route ? state.table.routes()[*decision.route].name : std::string();
}

}  // namespace semroute::router::test
