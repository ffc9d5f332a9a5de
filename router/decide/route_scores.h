// route_scores: exact scores of routes, each from its own vectors by id; no search.
//
// Reads what the aggregation needs: every reference of a route, or its one vector (RoutingState::route_vectors), and
// its negatives for the veto. Complexity: O(rows read * dimension). Allocates nothing once scratch has grown. Threads:
// pure; a DecideScratch belongs to one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "router/decide/decision.h"
#include "router/routes/route_table.h"

namespace semroute::router {

struct OwnScore {
  float score = 0.0F;
  std::optional<float> nearest;  // the best reference's; not known when the score is that of the route's vector
};

// The score that a value of RoutingState::route_vectors stands for.
[[nodiscard]] float route_vector_score(const RoutingState& state, float value) noexcept;

// The route's references, or the place of its one vector.
[[nodiscard]] core::IdRange own_vectors(const RoutingState& state, std::size_t position) noexcept;
// Rule 2, of the scores of its own vectors, which it reorders.
[[nodiscard]] OwnScore own_score(const RoutingState& state, std::span<float> scores);

// Calls make(position, own numbers) for each of `positions` (ascending, with references), in order. The numbers, one
// for each vector, come from read(ids), which is called once for routes whose vectors lie side by side, as long as the
// numbers stay in the first-level cache.
template <class Read, class Make>
void for_neighbours(const RoutingState& state, std::span<const std::size_t> positions, Read&& read, Make&& make) {
  constexpr std::size_t kRowsAtATime = 4'096;
  for (std::size_t begin = 0; begin < positions.size();) {
    core::IdRange ids = own_vectors(state, positions[begin]);
    std::size_t end = begin + 1;
    for (; end < positions.size(); ++end) {
      const core::IdRange next = own_vectors(state, positions[end]);
      if (next.first != ids.first + ids.count || ids.count + next.count > kRowsAtATime) break;
      ids.count += next.count;
    }
    std::span<float> numbers = read(ids);
    for (; begin < end; ++begin) {
      const std::size_t count = own_vectors(state, positions[begin]).count;
      make(positions[begin], numbers.first(count));
      numbers = numbers.subspan(count);
    }
  }
}

// Rule 2. Precondition: the route has references.
[[nodiscard]] OwnScore score_route(const RoutingState& state, std::span<const float> query, std::size_t position,
                                   DecideScratch& scratch);
// How many rows that reads.
[[nodiscard]] std::size_t rows_to_score(const RoutingState& state, std::size_t position) noexcept;

// Rule 3.
[[nodiscard]] bool is_vetoed(const RoutingState& state, std::span<const float> query, std::size_t position,
                             std::optional<float> nearest, DecideScratch& scratch);

// Rules 2 and 3 for all of `positions` (ascending, with references), appended to scratch.candidates.
void score_routes(const RoutingState& state, std::span<const float> query, std::span<const std::size_t> positions,
                  DecideScratch& scratch);

// The scores of the ids, in the buffer.
[[nodiscard]] std::span<float> scores_of(const core::Index& index, std::span<const float> query, core::IdRange ids,
                                         std::vector<float>& buffer);

}  // namespace semroute::router
