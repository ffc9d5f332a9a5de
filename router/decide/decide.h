// decide: one embedding and a routing state in, a decision out (docs/protocol.md, "How it decides").
//
// Candidates are the routes that have references and pass the filter. Without one the reason is `empty` when no
// route of the table has references, else `filtered`; a default route that passes the filter is served all the same.
// A pure function: no I/O, no clock, the same answer for the same input whatever the index kind.
// Order of the rules: filter, aggregate, veto by negatives, threshold, rank (score, then name
// bytewise), reasons, margin, default route.
// Scores are float32; a threshold is compared after rounding it to float32, so that a score and a
// threshold that print alike compare as equal.
// Small tables, and `explain`, are scored reference by reference; large ones through the index (nearest_routes.h).
// Complexity: one distance per reference of every candidate route, or a few searches of the index; O(routes log routes)
// to rank when more than the best is asked for, else O(routes). Allocates nothing once scratch and decision have grown.
// Threads: pure; a DecideScratch belongs to one thread.
#pragma once

#include "router/decide/decision.h"
#include "router/decide/rules.h"
#include "router/routes/route_table.h"

namespace semroute::router {

// The two halves of decide(), apart so that a caller can time them: the score and veto of every candidate, or of all
// that can have a say, into scratch.candidates; then rules 4 to 8 over them. Only the rows of candidates are read.
void score_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch);
void rank_candidates(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch,
                     Decision& decision);

void decide(const RoutingState& state, const DecideRequest& request, DecideScratch& scratch, Decision& decision);

}  // namespace semroute::router
