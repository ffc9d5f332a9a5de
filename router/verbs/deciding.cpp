#include "router/verbs/deciding.h"

#include <algorithm>
#include <string>

#include "core/index/vector_rules.h"

namespace semroute::router {

namespace {

std::uint64_t ns_between(Clock::time_point from, Clock::time_point to) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count());
}

std::string embedding_name(const Request& request, std::size_t i) {
  return request.batch ? "embeddings[" + std::to_string(i) + "]" : "embedding";
}

}  // namespace

core::Result<void> prepare_embeddings(Exchange& exchange) {
  const Request& request = exchange.request;
  const auto& config = exchange.state->config;
  if (request.model && config.index.model != request.model) {
    return core::Error{core::ErrorCode::model_mismatch,
                       "the request names model \"" + shown(*request.model) + "\", the index " +
                           (config.index.model ? "has \"" + *config.index.model + "\"" : "names none")};
  }
  if (request.embedding_count > config.limits.max_batch) {
    return core::Error{core::ErrorCode::too_large, std::to_string(request.embedding_count) +
                                                       " embeddings in one request; limits.max_batch is " +
                                                       std::to_string(config.limits.max_batch)};
  }
  const std::size_t dimension = config.index.dimension;
  if (request.dimension != dimension || request.ragged) {
    const std::size_t at = request.dimension != dimension ? 0 : request.ragged->first;
    const std::size_t has = request.dimension != dimension ? request.dimension : request.ragged->second;
    return core::Error{core::ErrorCode::dimension_mismatch, embedding_name(request, at) + " has " +
                                                                std::to_string(has) + " numbers, the index " +
                                                                std::to_string(dimension)};
  }
  auto& prepared = exchange.context.prepared;
  prepared.resize(request.embeddings.size());
  for (std::size_t i = 0; i < request.embedding_count; ++i) {
    const std::span<const float> raw(request.embeddings.data() + i * dimension, dimension);
    const std::span<float> out(prepared.data() + i * dimension, dimension);
    const auto checked = core::prepare_vector(config.index.metric, dimension, raw, out);
    if (!checked.ok()) {
      return core::Error{checked.error().code, embedding_name(request, i) + ": " + checked.error().message};
    }
  }
  return {};
}

// One pass over the references serves several embeddings of a batch; their hits stay in the cache until they are used.
constexpr std::size_t kFetchedTogether = 64;

StageTimes decide_embedding(Exchange& exchange, std::size_t i) {
  auto& context = exchange.context;
  const Request& request = exchange.request;
  const ServiceState& state = *exchange.state;
  const std::size_t dimension = state.config.index.dimension;
  const bool filtered = request.filter.routes.has_value() || !request.filter.metadata.empty();
  DecideRequest wanted{.embedding = {context.prepared.data() + i * dimension, dimension},
                       .top_k = request.top_k,
                       .filter = filtered ? &request.filter : nullptr,
                       .score_threshold = request.score_threshold,
                       .explain = request.explain};
  const std::size_t together = i % kFetchedTogether;
  if (request.embedding_count > 1 && together == 0) {
    const std::size_t some = std::min(kFetchedTogether, request.embedding_count - i);
    const auto from = Clock::now();
    fetch_together(*state.routing, wanted, {wanted.embedding.data(), some * dimension}, context.fetched);
    context.fetched_ns = ns_between(from, Clock::now()) / some;
  }
  if (request.embedding_count > 1) wanted.fetched = context.fetched.of(together);
  const auto begin = Clock::now();
  score_candidates(*state.routing, wanted, context.scratch);
  const auto scored = Clock::now();
  rank_candidates(*state.routing, wanted, context.scratch, context.decision);
  const auto decided = Clock::now();

  const StageTimes times{.decode_ns = ns_between(exchange.started, exchange.decoded),
                         .search_ns = ns_between(begin, scored) + (wanted.fetched.empty() ? 0 : context.fetched_ns),
                         .decide_ns = ns_between(scored, decided)};
  context.counters.observe(Stage::search, times.search_ns);
  context.counters.observe(Stage::decide, times.decide_ns);
  const Decision& decision = context.decision;
  auto& counters = decision.route ? *state.route_counters[*decision.route] : context.control.metrics().no_route();
  counters.count(decision.kind, decision.reason);
  if (decision.route && decision.score) counters.observe_score(*decision.score);
  return times;
}

ChosenTarget choose_target(Exchange& exchange) {
  const Decision& decision = exchange.context.decision;
  if (!decision.route) return {};
  const auto& targets = exchange.state->route_targets[*decision.route];
  if (targets == nullptr) return {};
  return {targets, targets->choose(exchange.request.key, exchange.context.random)};
}

void log_decision(VerbContext& context, const ServiceState& state, std::string_view request_id,
                  const Decision& decision, const StageTimes& times, const std::optional<DispatchNote>& dispatch,
                  std::span<const float> embedding) {
  if (context.decision_log == nullptr || !state.config.decision_log) return;
  const auto& rules = *state.config.decision_log;
  if (rules.sample < 1.0 && context.random.next() >= rules.sample) return;
  std::string line;
  append_decision_line(state, request_id, decision, times, dispatch,
                       rules.embedding ? embedding : std::span<const float>(), line);
  context.decision_log->append(line);
}

void set_times(ExplainView& explain, const StageTimes& times) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
  explain.decode_us = us(times.decode_ns);
  explain.search_us = us(times.search_ns);
  explain.decide_us = us(times.decide_ns);
  explain.dispatch_us = us(times.dispatch_ns);
}

}  // namespace semroute::router
