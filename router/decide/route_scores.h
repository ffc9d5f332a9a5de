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

// The index that routes are compared in: of their one vectors, or of all references.
[[nodiscard]] inline const core::Index& compared_index(const RoutingState& state) noexcept {
  return state.route_vectors != nullptr ? *state.route_vectors : *state.index;
}

// Rule 2, of the scores of its own vectors, which it reorders.
[[nodiscard]] OwnScore own_score(const RoutingState& state, std::span<float> scores);

// How many vectors a route is scored by.
[[nodiscard]] inline std::size_t rows_to_score(const RoutingState& state, const Route& route) noexcept {
  return state.route_vectors != nullptr ? 1 : route.references.count();
}
// Calls visit(ids) for these vectors of compared_index(), in the order of the rows.
template <class Visit>
void for_own_vectors(const RoutingState& state, const Route& route, Visit&& visit) {
  if (state.route_vectors != nullptr) return visit(core::IdRange{*route.vector, 1});
  for (const core::IdRange& ids : route.references.parts()) visit(ids);
}

// Calls make(position, own numbers) for each of `positions` (ascending, with references), in order. The numbers, one
// for each vector, come from read(ids, numbers), which is called once for vectors that lie side by side, as long as
// the numbers stay in the first-level cache. They are in `buffer`.
template <class Read, class Make>
void for_neighbours(const RoutingState& state, std::span<const std::size_t> positions, std::vector<float>& buffer,
                    Read&& read, Make&& make) {
  constexpr std::size_t kRowsAtATime = 4'096;
  const RouteList routes = state.table.routes();
  for (std::size_t begin = 0; begin < positions.size();) {
    std::size_t rows = rows_to_score(state, routes[positions[begin]]);
    std::size_t end = begin + 1;
    for (; end < positions.size(); ++end) {
      const std::size_t more = rows_to_score(state, routes[positions[end]]);
      if (rows + more > kRowsAtATime) break;
      rows += more;
    }
    if (buffer.size() < rows) buffer.resize(rows);
    core::IdRange run;
    std::size_t done = 0;
    const auto read_run = [&] {
      if (run.count > 0) read(run, std::span<float>(buffer).subspan(done, run.count));
      done += run.count;
    };
    for (std::size_t i = begin; i < end; ++i)
      for_own_vectors(state, routes[positions[i]], [&](core::IdRange ids) {
        if (run.count > 0 && ids.first == run.first + run.count) {
          run.count += ids.count;
          return;
        }
        read_run();
        run = ids;
      });
    read_run();
    std::span<float> numbers = std::span<float>(buffer).first(rows);
    for (; begin < end; ++begin) {
      const std::size_t count = rows_to_score(state, routes[positions[begin]]);
      make(positions[begin], numbers.first(count));
      numbers = numbers.subspan(count);
    }
  }
}

// Rule 2. Precondition: the route has references.
[[nodiscard]] OwnScore score_route(const RoutingState& state, std::span<const float> query, std::size_t position,
                                   DecideScratch& scratch);

// Rule 3.
[[nodiscard]] bool is_vetoed(const RoutingState& state, std::span<const float> query, std::size_t position,
                             std::optional<float> nearest, DecideScratch& scratch);

// Rules 2 and 3 for all of `positions` (ascending, with references), appended to scratch.candidates.
void score_routes(const RoutingState& state, std::span<const float> query, std::span<const std::size_t> positions,
                  DecideScratch& scratch);

// The scores of the ids, in the buffer.
[[nodiscard]] std::span<float> scores_of(const core::Index& index, std::span<const float> query, const IdRanges& ids,
                                         std::vector<float>& buffer);

}  // namespace semroute::router
