#include "router/decide/decide.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "router/decide/aggregate.h"

namespace semroute::router {
namespace {

using config::Aggregation;

// Rule 5. Positions are in bytewise name order, so the smaller position is the smaller name.
bool ranks_before(const RouteScore& a, const RouteScore& b) noexcept {
  return a.score != b.score ? a.score > b.score : a.route < b.route;
}

bool passes_metadata(const Filter& filter, const Route& route) {
  return std::ranges::all_of(filter.metadata, [&route](const auto& wanted) {
    const config::Value* value = route.metadata.find(wanted.first);
    return value != nullptr && std::ranges::find(wanted.second, *value) != wanted.second.end();
  });
}

std::span<float> scores_of(const core::Index& index, std::span<const float> query, core::IdRange ids,
                           DecideScratch& scratch) {
  if (scratch.scores.size() < ids.count) scratch.scores.resize(ids.count);
  const std::span<float> scores = std::span<float>(scratch.scores).first(ids.count);
  index.score(query, ids, scores);
  return scores;
}

float nearest_of(const core::Index& index, std::span<const float> query, core::IdRange ids, DecideScratch& scratch) {
  const std::span<float> scores = scores_of(index, query, ids, scratch);
  return *std::max_element(scores.begin(), scores.end());
}

// Rules 2 and 3 for one route with references.
RouteScore score_route(const RoutingState& state, std::span<const float> query, std::size_t position,
                       DecideScratch& scratch) {
  const Route& route = state.table.routes()[position];
  const DecisionRules& rules = state.table.rules();
  const bool has_negatives = route.negatives.count > 0;
  RouteScore result;
  result.route = position;
  float nearest = 0.0F;
  if (rules.aggregation == Aggregation::centroid) {
    state.centroids->score(query, {position, 1}, std::span<float>(&result.score, 1));
    if (has_negatives) nearest = nearest_of(*state.index, query, route.references, scratch);
  } else {
    const Aggregate made =
        aggregate(rules.aggregation, rules.top_m, scores_of(*state.index, query, route.references, scratch));
    result.score = made.score;
    nearest = made.nearest;
  }
  result.vetoed = has_negatives && nearest_of(*state.negatives, query, route.negatives, scratch) >= nearest;
  return result;
}

void score_if_candidate(const RoutingState& state, const DecideRequest& request, std::size_t position,
                        DecideScratch& scratch) {
  const Route& route = state.table.routes()[position];
  if (route.references.count == 0) return;
  if (request.filter != nullptr && !passes_metadata(*request.filter, route)) return;
  scratch.candidates.push_back(score_route(state, request.embedding, position, scratch));
}

// What one pass over the candidates finds, without sorting them.
struct Leaders {
  const RouteScore* best = nullptr;
  const RouteScore* second = nullptr;
  const RouteScore* passing = nullptr;
  const RouteScore* second_passing = nullptr;
  bool veto_stopped = false;  // some route would have passed but for its veto
};

void take(const RouteScore& candidate, const RouteScore*& best, const RouteScore*& second) {
  if (best == nullptr || ranks_before(candidate, *best)) {
    second = best;
    best = &candidate;
  } else if (second == nullptr || ranks_before(candidate, *second)) {
    second = &candidate;
  }
}

// Rule 4 for every candidate, and the first two of all and of those that pass.
Leaders judge(const RouteTable& table, const DecideRequest& request, std::span<RouteScore> candidates) {
  Leaders leaders;
  for (RouteScore& candidate : candidates) {
    const std::optional<double>& own = table.routes()[candidate.route].score_threshold;
    candidate.threshold =
        request.score_threshold ? *request.score_threshold : own.value_or(table.rules().score_threshold);
    const bool reaches = candidate.score >= to_threshold(candidate.threshold);
    candidate.passed = reaches && !candidate.vetoed;
    leaders.veto_stopped = leaders.veto_stopped || (reaches && candidate.vetoed);
    take(candidate, leaders.best, leaders.second);
    if (candidate.passed) take(candidate, leaders.passing, leaders.second_passing);
  }
  return leaders;
}

bool has_references(const Route& route) { return route.references.count > 0; }

// Rules 1, 6 and 7.
Reason reason_of(const RouteTable& table, const Leaders& leaders) {
  if (leaders.best == nullptr)
    return std::ranges::any_of(table.routes(), has_references) ? Reason::filtered : Reason::empty;
  if (leaders.passing == nullptr) return leaders.veto_stopped ? Reason::negative : Reason::below_threshold;
  if (table.rules().margin > 0.0 && leaders.second_passing != nullptr) {
    const double lead = double{leaders.passing->score} - double{leaders.second_passing->score};
    if (lead < table.rules().margin) return Reason::ambiguous;
  }
  return Reason::passed;
}

// Rule 8. Before the candidates are sorted: they are still in the order of positions.
void serve(const RouteTable& table, const DecideRequest& request, const Leaders& leaders,
           std::span<const RouteScore> candidates, Decision& decision) {
  decision.kind = DecisionKind::no_match;
  decision.route.reset();
  decision.score.reset();
  if (decision.reason == Reason::passed) {
    decision.kind = DecisionKind::matched;
    decision.route = leaders.passing->route;
    decision.score = leaders.passing->score;
    return;
  }
  const std::optional<std::size_t> fallback = table.rules().default_route;
  if (!fallback || (request.filter != nullptr && !passes(*request.filter, table.routes()[*fallback]))) return;
  decision.kind = DecisionKind::fallback;
  decision.route = fallback;
  const auto scored = std::ranges::lower_bound(candidates, *fallback, {}, &RouteScore::route);
  if (scored != candidates.end() && scored->route == *fallback) decision.score = scored->score;
}

void list_matches(const DecideRequest& request, const Leaders& leaders, std::vector<RouteScore>& candidates,
                  Decision& decision) {
  const std::size_t count = std::min(request.top_k, candidates.size());
  if (count == 1 && !request.explain) {
    decision.matches.push_back(*leaders.best);
    return;
  }
  const auto sorted_end = candidates.begin() + static_cast<std::ptrdiff_t>(request.explain ? candidates.size() : count);
  std::partial_sort(candidates.begin(), sorted_end, candidates.end(), ranks_before);
  decision.matches.assign(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count));
}

std::size_t shown_references(const DecisionRules& rules) {
  switch (rules.aggregation) {
    case Aggregation::max: return 1;
    case Aggregation::mean_top:
    case Aggregation::sum_top: return rules.top_m;
    case Aggregation::mean:
    case Aggregation::centroid: return core::kExplainNearest;
  }
  return 1;
}

// The best `most` of the rows, best first, ties by row.
void list_nearest(const core::Index& index, std::span<const float> query, std::size_t route, core::IdRange ids,
                  bool negative, std::size_t most, DecideScratch& scratch, std::vector<ReferenceScore>& references) {
  const std::size_t room = core::kMaxExplainReferences - references.size();
  const std::size_t count = std::min({most, ids.count, room});
  if (count == 0) return;
  const std::span<const float> scores = scores_of(index, query, ids, scratch);
  scratch.order.resize(ids.count);
  for (std::size_t row = 0; row < ids.count; ++row) scratch.order[row] = row;
  const auto top = scratch.order.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(scratch.order.begin(), top, scratch.order.end(), [scores](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  for (auto row = scratch.order.begin(); row != top; ++row) references.push_back({route, *row, scores[*row], negative});
}

}  // namespace

bool passes(const Filter& filter, const Route& route) {
  if (filter.routes && std::ranges::find(*filter.routes, route.name) == filter.routes->end()) return false;
  return passes_metadata(filter, route);
}

void score_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch) {
  scratch.candidates.clear();
  if (request.filter == nullptr || !request.filter->routes) {
    for (std::size_t position = 0; position < state.table.routes().size(); ++position)
      score_if_candidate(state, request, position, scratch);
    return;
  }
  // Names are looked up rather than compared with every route: both lists may be long.
  scratch.order.clear();
  for (const std::string& name : *request.filter->routes)
    if (const auto position = state.table.find(name)) scratch.order.push_back(*position);
  std::ranges::sort(scratch.order);
  scratch.order.erase(std::unique(scratch.order.begin(), scratch.order.end()), scratch.order.end());
  for (const std::size_t position : scratch.order) score_if_candidate(state, request, position, scratch);
}

void rank_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch,
                     Decision& decision) {
  SEMROUTE_CHECK(request.top_k > 0);
  decision.best.reset();
  decision.runner_up.reset();
  decision.matches.clear();
  decision.references.clear();
  const Leaders leaders = judge(state.table, request, scratch.candidates);
  decision.reason = reason_of(state.table, leaders);
  serve(state.table, request, leaders, scratch.candidates, decision);
  if (leaders.best == nullptr) return;
  decision.best = *leaders.best;
  if (leaders.second != nullptr) decision.runner_up = *leaders.second;
  list_matches(request, leaders, scratch.candidates, decision);
  if (!request.explain) return;
  for (const RouteScore& match : decision.matches) {
    const Route& route = state.table.routes()[match.route];
    list_nearest(*state.index, request.embedding, match.route, route.references, false,
                 shown_references(state.table.rules()), scratch, decision.references);
    list_nearest(*state.negatives, request.embedding, match.route, route.negatives, true, 1, scratch,
                 decision.references);
  }
}

void decide(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch, Decision& decision) {
  score_candidates(state, request, scratch);
  rank_candidates(state, request, scratch, decision);
}

}  // namespace semroute::router
