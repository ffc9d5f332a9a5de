// What `match` and `route` share: check the embeddings of a request, decide each, count and log it.
//
// Threads: the worker's.
#pragma once

#include <optional>

#include "core/base/result.h"
#include "router/verbs/decision_line.h"
#include "router/verbs/verb.h"

namespace semroute::router {

// Limits, model, dimension, and every embedding checked and prepared into context.prepared. The message names the
// embedding.
[[nodiscard]] core::Result<void> prepare_embeddings(Exchange& exchange);

// Where a decided request goes: the route's targets, null when it has none, and which of its split.
struct ChosenTarget {
  std::shared_ptr<const RouteTargets> targets;
  std::size_t position = 0;

  [[nodiscard]] std::string_view name() const noexcept {
    return targets == nullptr ? std::string_view() : targets->split(position).name();
  }
};
// For the decision in context.decision.
[[nodiscard]] ChosenTarget choose_target(Exchange& exchange);

// Decides prepared embedding `i` into context.decision and counts it.
[[nodiscard]] StageTimes decide_embedding(Exchange& exchange, std::size_t i);

// Writes the decision's log line when the log is on and the sample says so.
void log_decision(VerbContext& context, const ServiceState& state, std::string_view request_id,
                  const Decision& decision, const StageTimes& times, const std::optional<DispatchNote>& dispatch,
                  std::span<const float> embedding);

// Times of an explain in microseconds.
void set_times(ExplainView& explain, const StageTimes& times);

}  // namespace semroute::router
