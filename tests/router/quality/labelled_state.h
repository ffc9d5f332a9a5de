// A routing state from labelled vectors, and every labelled request decided on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/index/vector_rules.h"
#include "router/decide/decide.h"
#include "router/quality/evaluate.h"
#include "router/routes/table_writer.h"
#include "tests/support/synthetic_set.h"

namespace semroute::router::test {

inline std::shared_ptr<const RoutingState> state_from(const semroute::test::LabelledVectors& references,
                                                      std::size_t dimension, config::DecisionConfig decision,
                                                      const core::IndexParams& params = {}, std::size_t threads = 1) {
  config::Config config;
  static_cast<core::IndexParams&>(config.index) = params;
  config.index.dimension = dimension;
  config.decision = std::move(decision);
  std::map<std::string, std::vector<float>> by_label;
  for (std::size_t row = 0; row < references.labels.size(); ++row) {
    const auto begin = references.values.begin() + static_cast<std::ptrdiff_t>(row * dimension);
    std::vector<float>& values = by_label[references.labels[row]];
    values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(dimension));
  }
  for (auto& [label, values] : by_label) {
    config::RouteConfig route;
    route.name = label;
    route.references.values = std::move(values);
    config.routes.push_back(std::move(route));
  }
  auto built = build_routing_state(config, threads);
  if (!built.ok()) {
    ADD_FAILURE() << built.error().message;
    return nullptr;
  }
  return built.value();
}

// Writes evaluated[row] for the rows begin, begin + step, ...
inline void decide_rows(const RoutingState& state, const semroute::test::LabelledVectors& requests, std::size_t begin,
                        std::size_t step, std::vector<EvaluatedRequest>& evaluated) {
  const std::size_t dimension = state.index->params().dimension;
  std::vector<float> prepared(dimension);
  DecideScratch scratch;
  Decision decision;
  for (std::size_t row = begin; row < requests.labels.size(); row += step) {
    const std::span<const float> raw(requests.values.data() + row * dimension, dimension);
    EXPECT_TRUE(core::prepare_vector(state.index->params().metric, dimension, raw, prepared).ok()) << row;
    DecideRequest request;
    request.embedding = prepared;
    decide(state, request, scratch, decision);
    const std::string& label = requests.labels[row];
    EvaluatedRequest made{label, label == "oos", decision.kind, "", "", std::nullopt};
    if (decision.route) made.served = state.table.routes()[*decision.route].name;
    if (decision.best) {
      made.best = state.table.routes()[decision.best->route].name;
      made.best_score = decision.best->score;
    }
    evaluated[row] = std::move(made);
  }
}

// On a few threads: a state may be decided on from any number of them.
inline std::vector<EvaluatedRequest> decide_all(const RoutingState& state,
                                                const semroute::test::LabelledVectors& requests) {
  std::vector<EvaluatedRequest> evaluated(requests.labels.size());
  const std::size_t count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
  std::vector<std::thread> threads;
  for (std::size_t begin = 0; begin < count; ++begin)
    threads.emplace_back([&, begin] { decide_rows(state, requests, begin, count, evaluated); });
  for (std::thread& thread : threads) thread.join();
  return evaluated;
}

}  // namespace semroute::router::test
