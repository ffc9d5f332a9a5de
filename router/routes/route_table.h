// RouteTable: the routes of one revision, ready to decide on; and RoutingState, the table with its indexes.
//
// Made by a TableWriter, then shared as const: a request holds the state it began with. Routes are in bytewise name
// order, so that a position is also the tie-break rank. Successive states share their indexes, which change under
// them: an index may hold ids that no route of this table has, and holds all that one has.
// Complexity: build O(routes log routes); find and owner O(log routes).
// Threads: const after building; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "core/index/index.h"
#include "router/routes/route.h"

namespace semroute::router {

// How scores become a decision; from `decision:`.
struct DecisionRules {
  config::Aggregation aggregation = config::Aggregation::mean_top;
  std::size_t top_m = 3;
  double score_threshold = 0.5;
  double margin = 0.0;
  std::optional<std::size_t> default_route;  // position in the table
};

// The routes of a table as if they lay there themselves.
class RouteList {
 public:
  using Pointers = std::vector<std::shared_ptr<const Route>>;
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Route;
    explicit Iterator(Pointers::const_iterator at) : at_(at) {}
    const Route& operator*() const { return **at_; }
    const Route* operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    Pointers::const_iterator at_;
  };

  explicit RouteList(const Pointers& routes) : routes_(routes) {}
  [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return routes_.empty(); }
  const Route& operator[](std::size_t position) const noexcept { return *routes_[position]; }
  [[nodiscard]] Iterator begin() const { return Iterator(routes_.begin()); }
  [[nodiscard]] Iterator end() const { return Iterator(routes_.end()); }

 private:
  const Pointers& routes_;
};

// Which route has an id.
class IdOwners {
 public:
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

  void add(core::IdRange ids, std::size_t position) { ranges_.push_back({ids.first, ids.count, position}); }
  void sort();  // once, after the last add()
  [[nodiscard]] std::size_t find(core::ReferenceId id) const noexcept;
  // A span that holds all the ids.
  [[nodiscard]] core::IdRange span() const noexcept;

 private:
  struct Range {
    core::ReferenceId first;
    std::size_t count;
    std::size_t position;
  };
  std::vector<Range> ranges_;              // ascending, disjoint
  std::vector<core::ReferenceId> firsts_;  // of the ranges, close together for the search
};

class RouteTable {
 public:
  // Sorts the routes; rules.default_route refers to the sorted order.
  RouteTable(std::vector<std::shared_ptr<const Route>> routes, DecisionRules rules);

  [[nodiscard]] RouteList routes() const noexcept { return RouteList(routes_); }
  [[nodiscard]] const std::vector<std::shared_ptr<const Route>>& shared_routes() const noexcept { return routes_; }
  [[nodiscard]] const DecisionRules& rules() const noexcept { return rules_; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
  // The route that has the reference, or the route vector; IdOwners::kNobody when none of this table has.
  [[nodiscard]] std::size_t owner(core::ReferenceId reference) const noexcept { return owners_.find(reference); }
  [[nodiscard]] std::size_t vector_owner(core::ReferenceId id) const noexcept { return vector_owners_.find(id); }
  // Spans that hold the ids of all references, and of all route vectors.
  [[nodiscard]] core::IdRange references() const noexcept { return owners_.span(); }
  [[nodiscard]] core::IdRange vectors() const noexcept { return vector_owners_.span(); }
  // The routes that have references: positions, ascending, and by threshold, lowest first.
  [[nodiscard]] const std::vector<std::size_t>& referenced() const noexcept { return referenced_; }
  [[nodiscard]] const std::vector<std::size_t>& by_threshold() const noexcept { return by_threshold_; }
  [[nodiscard]] double threshold(std::size_t position) const noexcept {
    return routes_[position]->score_threshold.value_or(rules_.score_threshold);
  }

  // Without the negatives.
  [[nodiscard]] std::size_t reference_count() const noexcept { return reference_count_; }
  [[nodiscard]] std::size_t negative_count() const noexcept { return negative_count_; }
  // Both, which index.capacity bounds.
  [[nodiscard]] std::size_t row_count() const noexcept { return reference_count_ + negative_count_; }
  [[nodiscard]] std::size_t most_references() const noexcept { return most_references_; }  // of one route

 private:
  std::vector<std::shared_ptr<const Route>> routes_;
  DecisionRules rules_;
  std::vector<std::size_t> referenced_;
  std::vector<std::size_t> by_threshold_;
  IdOwners owners_;
  IdOwners vector_owners_;
  std::size_t reference_count_ = 0;
  std::size_t negative_count_ = 0;
  std::size_t most_references_ = 0;
};

struct RoutingState {
  std::shared_ptr<const core::Index> index;  // every reference
  std::shared_ptr<const core::Index> negatives;
  // For the aggregations whose score is that of one vector a route (has_route_vector): that vector of each route that
  // has references (Route::vector). Null for the others.
  std::shared_ptr<const core::Index> route_vectors;
  // Whether scores that decide come from codes alone (index.rerank none).
  bool approximate = false;
  RouteTable table;
  std::vector<std::shared_ptr<const ParkedRoute>> parked;  // by name

  // Null when no parked route has the name.
  [[nodiscard]] const ParkedRoute* find_parked(std::string_view name) const noexcept;
};

// What the state's indexes hold in memory, together. Any thread.
[[nodiscard]] core::IndexBytes index_bytes(const RoutingState& state) noexcept;

// Whether a route's score is that of one vector: under `centroid`, and under `mean` where the mean of scores is the
// score of the mean.
[[nodiscard]] bool has_route_vector(config::Aggregation aggregation, core::Metric metric) noexcept;

}  // namespace semroute::router
