#include "router/decide/decide.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "router/decide/nearest_routes.h"
#include "router/decide/route_scores.h"
#include "router/decide/rules.h"

namespace semroute::router {
namespace {

using config::Aggregation;

bool passes_metadata(const Filter& filter, const Route& route) {
  return std::ranges::all_of(filter.metadata, [&route](const auto& wanted) {
    const config::Value* value = route.metadata.find(wanted.first);
    return value != nullptr && std::ranges::find(wanted.second, *value) != wanted.second.end();
  });
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
    candidate.threshold = threshold_of(table, request, candidate.route);
    const bool reached = reaches(candidate.score, candidate.threshold);
    candidate.passed = reached && !candidate.vetoed;
    leaders.veto_stopped = leaders.veto_stopped || (reached && candidate.vetoed);
    take(candidate, leaders.best, leaders.second);
    if (candidate.passed) take(candidate, leaders.passing, leaders.second_passing);
  }
  return leaders;
}

// Rules 1, 6 and 7.
Reason reason_of(const RouteTable& table, const Leaders& leaders) {
  if (leaders.best == nullptr) return table.referenced().empty() ? Reason::empty : Reason::filtered;
  if (leaders.passing == nullptr) return leaders.veto_stopped ? Reason::negative : Reason::below_threshold;
  if (leaders.second_passing != nullptr &&
      is_ambiguous(table.rules(), leaders.passing->score, leaders.second_passing->score))
    return Reason::ambiguous;
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
void list_nearest(const core::Index& index, std::span<const float> query, std::size_t route, const IdRanges& ids,
                  bool negative, std::size_t most, DecideScratch& scratch, std::vector<ReferenceScore>& references) {
  const std::size_t room = core::kMaxExplainReferences - references.size();
  const std::size_t count = std::min({most, ids.count(), room});
  if (count == 0) return;
  const std::span<const float> scores = scores_of(index, query, ids, scratch.scores);
  scratch.order.resize(ids.count());
  for (std::size_t row = 0; row < ids.count(); ++row) scratch.order[row] = row;
  const auto top = scratch.order.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(scratch.order.begin(), top, scratch.order.end(), [scores](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  for (auto row = scratch.order.begin(); row != top; ++row) references.push_back({route, *row, scores[*row], negative});
}

// Rule 1: positions, ascending; those of a filter in `order`.
std::span<const std::size_t> candidates_of(const RouteTable& table, const Filter* filter,
                                           std::vector<std::size_t>& order) {
  if (filter == nullptr) return table.referenced();
  order.clear();
  const auto take = [&](std::size_t position) {
    const Route& route = table.routes()[position];
    if (!route.references.empty() && passes_metadata(*filter, route)) order.push_back(position);
  };
  if (!filter->routes) {
    for (const std::size_t position : table.referenced()) take(position);
    return order;
  }
  // Names are looked up rather than compared with every route: both lists may be long.
  for (const std::string& name : *filter->routes)
    if (const auto position = table.find(name)) take(*position);
  std::ranges::sort(order);
  order.erase(std::unique(order.begin(), order.end()), order.end());
  return order;
}

}  // namespace

bool passes(const Filter& filter, const Route& route) {
  if (filter.routes && std::ranges::find(*filter.routes, route.name) == filter.routes->end()) return false;
  return passes_metadata(filter, route);
}

void score_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch) {
  scratch.candidates.clear();
  const std::span<const std::size_t> positions = candidates_of(state.table, request.filter, scratch.order);
  if (pays_to_search(state, request, positions) && find_nearest_routes(state, request, positions, scratch)) return;
  score_routes(state, request.embedding, positions, scratch);
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
