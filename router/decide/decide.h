// decide: one embedding and a routing state in, a decision out (docs/protocol.md, "How it decides").
//
// Candidates are the routes that have references and pass the filter. Without one the reason is `empty` when no
// route of the table has references, else `filtered`; a default route that passes the filter is served all the same.
// A pure function: no I/O, no clock, the same answer for the same input whatever the index kind.
// Order of the rules: filter, aggregate, veto by negatives, threshold, rank (score, then name
// bytewise), reasons, margin, default route.
// Scores are float32; a threshold is compared after rounding it to float32, so that a score and a
// threshold that print alike compare as equal.
// Complexity: one distance per reference of every candidate route, O(routes log routes) to rank when
// more than the best is asked for, else O(routes). Allocates nothing once scratch and decision have grown.
// Threads: pure; a DecideScratch belongs to one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "router/protocol/reply.h"
#include "router/protocol/request.h"
#include "router/routes/route_table.h"

namespace semroute::router {

struct DecideRequest {
  std::span<const float> embedding;  // prepared (core/index/vector_rules.h)
  std::size_t top_k = 1;
  const Filter* filter = nullptr;  // null: no filter
  std::optional<double> score_threshold;
  bool explain = false;
};

struct RouteScore {
  std::size_t route = 0;  // position in the table
  float score = 0.0F;
  double threshold = 0.0;
  bool passed = false;
  bool vetoed = false;
};

// A reference that made a candidate's score, for `explain`.
struct ReferenceScore {
  std::size_t route = 0;
  std::size_t row = 0;  // within the route's references or negatives
  float score = 0.0F;
  bool negative = false;
};

struct Decision {
  DecisionKind kind = DecisionKind::no_match;
  Reason reason = Reason::empty;
  std::optional<std::size_t> route;     // the one served
  std::optional<float> score;           // of the one served
  std::optional<RouteScore> best;       // the highest-scoring candidate, passed or not
  std::optional<RouteScore> runner_up;  // the second-highest
  std::vector<RouteScore> matches;      // min(top_k, scored candidates), best first
  // explain: per route of `matches` the references that made its score (max: one; mean_top, sum_top: top_m;
  // mean, centroid: the nearest kExplainNearest), best first, then its nearest negative; kMaxExplainReferences in all.
  std::vector<ReferenceScore> references;
};

struct DecideScratch {
  std::vector<float> scores;
  std::vector<RouteScore> candidates;  // after decide with `explain`: all of them, best first
  std::vector<std::size_t> order;
};

// Whether a route passes a filter: both parts apply; a missing part passes everything. O(names + values).
[[nodiscard]] bool passes(const Filter& filter, const Route& route);

// The two halves of decide(), apart so that a caller can time them: every candidate's score and veto
// into scratch.candidates; then rules 4 to 8 over them. Only the rows of candidates are read.
void score_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch);
void rank_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch,
                     Decision& decision);

void decide(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch, Decision& decision);

}  // namespace semroute::router
