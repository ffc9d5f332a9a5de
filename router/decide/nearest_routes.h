// nearest_routes: the routes that decide, found through the index without scoring every reference.
//
// A few thousand references are bounded: a look at its code says what each scores at most (Index::bound), so what each
// route does, and only routes that could matter are scored. Of more, the nearest are fetched.
//
// References are fetched nearest first in growing batches. Whatever was not fetched scores at most what the worst
// fetched one does, so a route that was not seen, or not enough of, has a most that it can score. What still could
// change the decision is scored exactly on its own references; fetching ends when nothing else can: not the top_k best,
// not the best passing route or the one that is too near to it, not whether a veto alone stopped one. So with an index
// that is exact the decision is that of scoring every reference, to the bit; so it is with bounds. With a graph it is
// that of what the graph finds. It does not pay in every case (see the constants): then the caller scores everything.
//
// Hits that no route of this table has, of older or later tables, are passed over: they make the batch smaller, and
// nothing wrong.
//
// Complexity: a search of the index for each batch, and O(rows) for the routes that are scored on their own rows, which
// are a bounded share of a search. Allocates nothing once scratch has grown.
// Threads: pure; a DecideScratch belongs to one thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "router/decide/decision.h"
#include "router/routes/route_table.h"

namespace semroute::router {

// Fewer vectors than this are scored one and all: about as fast, and simpler. bench/router/decide_bench.cpp measures
// where the two meet, with bounds and by fetching.
inline constexpr std::size_t kFewestToBound = 256;
inline constexpr std::size_t kFewestToFetch = 1'024;

// Whether looking through the index is worth trying for `vectors` that pass the filter.
[[nodiscard]] bool pays_to_search(const RoutingState& state, const DecideRequest& request,
                                  std::span<const std::size_t> positions) noexcept;

// The first batch of candidates of requests that differ in nothing but their embeddings.
struct FetchedBatch {
  std::size_t k = 0;  // for each; 0: nothing was fetched, each request is searched for on its own
  std::vector<core::Hit> hits;
  std::vector<std::size_t> counts;

  // For DecideRequest::fetched.
  [[nodiscard]] std::span<const core::Hit> of(std::size_t i) const noexcept {
    if (k == 0) return {};
    return std::span(hits).subspan(i * k, counts[i]);
  }
};

// For all of `embeddings` (n x dimension, prepared) by one pass over the rows, where that helps: when they are scanned,
// and all of them.
void fetch_together(const RoutingState& state, const DecideRequest& request, std::span<const float> embeddings,
                    FetchedBatch& batch);

// Leaves in scratch.candidates, in the order of positions, enough routes with their scores and vetoes that ranking them
// (rank_candidates) decides as ranking all would. False when that is not worth it: nothing was left there.
// Precondition: `positions` are the routes with references that pass the request's filter, ascending.
[[nodiscard]] bool find_nearest_routes(const RoutingState& state, const DecideRequest& request,
                                       std::span<const std::size_t> positions, DecideScratch& scratch);

}  // namespace semroute::router
