// RouteTable: the routes of one revision, ready to decide on; and RoutingState, the table with its index.
//
// Built once from a Config (build_routing_state), then shared as const: a request holds the state it
// began with. Routes are in bytewise name order, so that a position is also the tie-break rank.
// Ids are dense route by route, those of references in their index and those of negatives in theirs.
// Complexity: build O(references * dimension), with a graph more (core/index/index.h); find O(log routes).
// Threads: const after building; any thread.
// Errors of building: resource_exhausted when the references exceed index.capacity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "core/index/index.h"

namespace semroute::router {

struct Route {
  std::string name;
  std::string description;
  std::optional<std::string> target;
  std::optional<double> score_threshold;     // the route's own
  config::Value metadata;                    // a map, or null
  core::IdRange references;                  // ids in RoutingState::index
  core::IdRange negatives;                   // ids in RoutingState::negatives
  std::vector<std::string> reference_texts;  // one a row, or empty
  std::vector<std::string> negative_texts;
  std::uint64_t version = 0;  // file routes: 0
  config::Place place;        // where the file defines it
};

// How scores become a decision; from `decision:`.
struct DecisionRules {
  config::Aggregation aggregation = config::Aggregation::mean_top;
  std::size_t top_m = 3;
  double score_threshold = 0.5;
  double margin = 0.0;
  std::optional<std::size_t> default_route;  // position in the table
};

class RouteTable {
 public:
  RouteTable(std::vector<Route> routes,
             DecisionRules rules);  // sorts the routes; rules.default_route refers to the sorted order

  [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }
  [[nodiscard]] const DecisionRules& rules() const noexcept { return rules_; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t reference_count() const noexcept { return reference_count_; }  // with negatives
  [[nodiscard]] std::size_t longest_range() const noexcept { return longest_range_; }      // most rows of one range

 private:
  std::vector<Route> routes_;
  DecisionRules rules_;
  std::size_t reference_count_ = 0;
  std::size_t longest_range_ = 0;
};

struct RoutingState {
  std::unique_ptr<const core::Index> index;  // every reference
  std::unique_ptr<const core::Index> negatives;
  // For aggregation `centroid`: one vector per route that has references, under the route's position as id.
  std::unique_ptr<const core::Index> centroids;
  RouteTable table;
};

// `threads` build the graph of an index that has one.
[[nodiscard]] core::Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config,
                                                                                    std::size_t threads = 1);

}  // namespace semroute::router
