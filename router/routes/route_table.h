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
  // The route that has the reference. Precondition: one has.
  [[nodiscard]] std::size_t owner(core::ReferenceId reference) const noexcept;
  // A span that holds the ids of all references.
  [[nodiscard]] core::IdRange references() const noexcept { return references_; }
  // The routes that have references: positions, ascending, and by threshold, lowest first.
  [[nodiscard]] const std::vector<std::size_t>& referenced() const noexcept { return referenced_; }
  [[nodiscard]] const std::vector<std::size_t>& by_threshold() const noexcept { return by_threshold_; }
  [[nodiscard]] double threshold(std::size_t position) const noexcept {
    return routes_[position].score_threshold.value_or(rules_.score_threshold);
  }

  [[nodiscard]] std::size_t reference_count() const noexcept { return reference_count_; }  // with negatives
  [[nodiscard]] std::size_t most_references() const noexcept { return most_references_; }  // of one route

 private:
  std::vector<Route> routes_;
  DecisionRules rules_;
  core::IdRange references_;
  std::vector<std::size_t> referenced_;
  std::vector<std::size_t> by_threshold_;
  std::vector<core::ReferenceId> firsts_;  // the first reference of each route that has some, ascending
  std::vector<std::size_t> owners_;        // of the ranges that begin there
  std::size_t reference_count_ = 0;
  std::size_t most_references_ = 0;
};

struct RoutingState {
  std::unique_ptr<const core::Index> index;  // every reference
  std::unique_ptr<const core::Index> negatives;
  // For the aggregations whose score is that of one vector a route (has_route_vector): that vector, under the position
  // of each route that has references. Null for the others.
  std::unique_ptr<const core::Index> route_vectors;
  // Whether scores that decide come from codes alone (index.rerank none).
  bool approximate = false;
  RouteTable table;
};

// What the state's indexes hold in memory, together. Any thread.
[[nodiscard]] core::IndexBytes index_bytes(const RoutingState& state) noexcept;

// Whether a route's score is that of one vector: under `centroid`, and under `mean` where the mean of scores is the
// score of the mean.
[[nodiscard]] bool has_route_vector(config::Aggregation aggregation, core::Metric metric) noexcept;

// `threads` build the graph of an index that has one.
[[nodiscard]] core::Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config,
                                                                                    std::size_t threads = 1);

}  // namespace semroute::router
