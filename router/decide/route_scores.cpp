#include "router/decide/route_scores.h"

#include <algorithm>

#include "router/decide/aggregate.h"

namespace semroute::router {
namespace {

// In a buffer of its own: the scores of references may still be needed.
float nearest_of(const core::Index& index, std::span<const float> query, core::IdRange ids, DecideScratch& scratch) {
  return *std::ranges::max_element(scores_of(index, query, ids, scratch.veto_scores));
}

}  // namespace

core::IdRange own_vectors(const RoutingState& state, std::size_t position) noexcept {
  if (state.route_vectors != nullptr) return {position, 1};
  return state.table.routes()[position].references;
}

// Of the scores of its own vectors, which it reorders.
OwnScore own_score(const RoutingState& state, std::span<float> scores) {
  if (state.route_vectors != nullptr) return {route_vector_score(state, scores[0]), std::nullopt};
  const DecisionRules& rules = state.table.rules();
  const Aggregate made = aggregate(rules.aggregation, rules.top_m, scores);
  return {made.score, made.nearest};
}

std::span<float> scores_of(const core::Index& index, std::span<const float> query, core::IdRange ids,
                           std::vector<float>& buffer) {
  if (buffer.size() < ids.count) buffer.resize(ids.count);
  const std::span<float> scores = std::span<float>(buffer).first(ids.count);
  index.score(query, ids, scores);
  return scores;
}

float route_vector_score(const RoutingState& state, float value) noexcept {
  // Under `mean` they are compared by the inner product, which rounding takes a little over 1.
  return state.index->params().metric == core::Metric::cosine ? std::clamp(value, -1.0F, 1.0F) : value;
}

std::size_t rows_to_score(const RoutingState& state, std::size_t position) noexcept {
  return own_vectors(state, position).count;
}

OwnScore score_route(const RoutingState& state, std::span<const float> query, std::size_t position,
                     DecideScratch& scratch) {
  const core::Index& index = state.route_vectors != nullptr ? *state.route_vectors : *state.index;
  return own_score(state, scores_of(index, query, own_vectors(state, position), scratch.scores));
}

bool is_vetoed(const RoutingState& state, std::span<const float> query, std::size_t position,
               std::optional<float> nearest, DecideScratch& scratch) {
  const Route& route = state.table.routes()[position];
  if (route.negatives.count == 0) return false;
  if (!nearest) nearest = nearest_of(*state.index, query, route.references, scratch);
  return nearest_of(*state.negatives, query, route.negatives, scratch) >= *nearest;
}

void score_routes(const RoutingState& state, std::span<const float> query, std::span<const std::size_t> positions,
                  DecideScratch& scratch) {
  const core::Index& index = state.route_vectors != nullptr ? *state.route_vectors : *state.index;
  for_neighbours(
      state, positions, [&](core::IdRange ids) { return scores_of(index, query, ids, scratch.scores); },
      [&](std::size_t position, std::span<float> own) {
        const OwnScore made = own_score(state, own);
        scratch.candidates.push_back({.route = position,
                                      .score = made.score,
                                      .threshold = 0.0,
                                      .passed = false,
                                      .vetoed = is_vetoed(state, query, position, made.nearest, scratch)});
      });
}

}  // namespace semroute::router
