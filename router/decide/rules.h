// rules: how scores rank and what they must reach, for every way of finding them (docs/protocol.md, "How it decides").
//
// Threads: pure functions.
#pragma once

#include "router/decide/aggregate.h"
#include "router/decide/decision.h"
#include "router/routes/route_table.h"

namespace semroute::router {

// Rule 5. Positions are in bytewise name order, so the smaller position is the smaller name.
[[nodiscard]] inline bool outranks(float score, std::size_t route, float other_score,
                                   std::size_t other_route) noexcept {
  return score != other_score ? score > other_score : route < other_route;
}
[[nodiscard]] inline bool ranks_before(const RouteScore& a, const RouteScore& b) noexcept {
  return outranks(a.score, a.route, b.score, b.route);
}

// Rule 4.
[[nodiscard]] inline double threshold_of(const RouteTable& table, const DecideRequest& request,
                                         std::size_t position) noexcept {
  return request.score_threshold ? *request.score_threshold : table.threshold(position);
}
[[nodiscard]] inline bool reaches(float score, double threshold) noexcept { return score >= to_threshold(threshold); }

// Rule 7: whether the best passing route leads the second by less than the margin.
[[nodiscard]] inline bool is_ambiguous(const DecisionRules& rules, float best, float second) noexcept {
  return rules.margin > 0.0 && double{best} - double{second} < rules.margin;
}

// Rule 1. Whether a route passes a filter: both parts apply; a missing part passes everything. O(names + values).
[[nodiscard]] bool passes(const Filter& filter, const Route& route);

}  // namespace semroute::router
