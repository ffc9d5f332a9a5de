// weak_routes: what `semroute check` tells about routes that would disappoint in production.
//
//   left out         of a route's own references, how many its score would refuse at the threshold if that
//                    reference were a request and not listed (leave-one-out, with the table's aggregation)
//   too few          routes with fewer references than top_m (mean_top and sum_top only)
//   near duplicates  references of two routes that are all but the same (below)
//
// Near duplicates: cosine and dot: cosine >= kNearDuplicateCosine. Euclidean and manhattan: a distance of at most
// sqrt(2 - 2 * kNearDuplicateCosine) times the smaller norm of the two (L2 or L1), which is the same for unit vectors.
// Complexity: O(references^2 * dimension / 2) for near duplicates, not looked for beyond
// kMostRowsForDuplicates; per route O(min(count^2, kMostLeftOutPairs) * dimension), beyond that on evenly
// spaced references. 15,000 references of 384 numbers: a few seconds.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "router/routes/route_table.h"

namespace semroute::router {

inline constexpr double kNearDuplicateCosine = 0.98;
inline constexpr std::size_t kMostRowsForDuplicates = 30'000;
inline constexpr std::size_t kMostLeftOutPairs = 25'000'000;  // of one route
inline constexpr std::size_t kShownDuplicates = 3;            // rows named for a pair of routes

// One a route with at least two references, in table order.
struct LeftOut {
  std::size_t route = 0;    // position in the table
  double threshold = 0.0;   // that the route's own score must reach
  std::size_t tested = 0;   // references left out in turn; all of them unless there are very many
  std::size_t refused = 0;  // of those tested
};

struct TooFew {
  std::size_t route = 0;
  std::size_t references = 0;
};

struct NearDuplicate {
  std::size_t first_row = 0;   // within the first route's references
  std::size_t second_row = 0;  // within the second route's
  float score = 0.0F;          // the metric's
};

struct NearDuplicates {
  std::size_t first_route = 0;  // < second_route
  std::size_t second_route = 0;
  std::size_t count = 0;
  std::vector<NearDuplicate> shown;  // up to kShownDuplicates of them
};

struct WeakRoutes {
  std::vector<LeftOut> left_out;
  std::vector<TooFew> too_few;
  std::vector<NearDuplicates> near_duplicates;  // by pair of routes
  bool duplicates_checked = true;               // false: more than kMostRowsForDuplicates references
};

[[nodiscard]] WeakRoutes find_weak_routes(const RoutingState& state);

// The findings as warnings at the routes' places; a route whose references all pass when left out is not mentioned.
[[nodiscard]] std::vector<config::Diagnostic> to_warnings(const WeakRoutes& weak, const RoutingState& state,
                                                          const std::string& file);

}  // namespace semroute::router
