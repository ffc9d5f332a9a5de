#include "router/decide/route_scores.h"

#include <algorithm>

#include "router/decide/aggregate.h"

namespace semroute::router {
namespace {

// In a buffer of its own: the scores of references may still be needed.
float nearest_of(const core::Index& index, std::span<const float> query, const IdRanges& ids, DecideScratch& scratch) {
  return *std::ranges::max_element(scores_of(index, query, ids, scratch.veto_scores));
}

}  // namespace

// Of the scores of its own vectors, which it reorders.
OwnScore own_score(const RoutingState& state, std::span<float> scores) {
  if (state.route_vectors != nullptr) return {route_vector_score(state, scores[0]), std::nullopt};
  const DecisionRules& rules = state.table.rules();
  const Aggregate made = aggregate(rules.aggregation, rules.top_m, scores);
  return {made.score, made.nearest};
}

std::span<float> scores_of(const core::Index& index, std::span<const float> query, const IdRanges& ids,
                           std::vector<float>& buffer) {
  if (buffer.size() < ids.count()) buffer.resize(ids.count());
  const std::span<float> scores = std::span<float>(buffer).first(ids.count());
  std::size_t done = 0;
  for (const core::IdRange& part : ids.parts()) {
    index.score(query, part, scores.subspan(done, part.count));
    done += part.count;
  }
  return scores;
}

float route_vector_score(const RoutingState& state, float value) noexcept {
  // Under `mean` they are compared by the inner product, which rounding takes a little over 1.
  return state.index->params().metric == core::Metric::cosine ? std::clamp(value, -1.0F, 1.0F) : value;
}

OwnScore score_route(const RoutingState& state, std::span<const float> query, std::size_t position,
                     DecideScratch& scratch) {
  const Route& route = state.table.routes()[position];
  if (state.route_vectors == nullptr)
    return own_score(state, scores_of(*state.index, query, route.references, scratch.scores));
  float score = 0.0F;
  state.route_vectors->score(query, {*route.vector, 1}, {&score, 1});
  return own_score(state, {&score, 1});
}

bool is_vetoed(const RoutingState& state, std::span<const float> query, std::size_t position,
               std::optional<float> nearest, DecideScratch& scratch) {
  const Route& route = state.table.routes()[position];
  if (route.negatives.empty()) return false;
  if (!nearest) nearest = nearest_of(*state.index, query, route.references, scratch);
  return nearest_of(*state.negatives, query, route.negatives, scratch) >= *nearest;
}

void score_routes(const RoutingState& state, std::span<const float> query, std::span<const std::size_t> positions,
                  DecideScratch& scratch) {
  const core::Index& index = compared_index(state);
  for_neighbours(
      state, positions, scratch.scores,
      [&](core::IdRange ids, std::span<float> scores) { index.score(query, ids, scores); },
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
