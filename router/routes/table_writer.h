// TableWriter: makes one routing state after another over indexes that they share, and is the only one to change these.
//
// load() makes the first state and, from the next configuration, later ones: rows that are there already stay.
// apply() changes the draft of the next state, finish() makes it the newest one, abandon() forgets it. What a state
// does not need any more stays in the indexes while anybody holds one that does; collect() removes it after that.
// A file's routes win: a run-time route whose name the file has, whose target is gone, or for which there is no room,
// is parked. It is active again once nothing stands in its way. Bounds: index.capacity counts the references and
// negatives of the newest table; the indexes have room for as many again, that wait for older tables to be let go.
// Complexity: apply that of the change's rows; finish O(routes log routes); load that of the rows that differ.
// Threads: one; the states are for any. Errors: the message names the field or the route; nothing is changed then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "router/changes/route_change.h"
#include "router/routes/route_table.h"
#include "router/routes/table_edit.h"

namespace semroute::router {

// A run-time route as it was kept, with all its rows.
struct StoredRoute {
  config::RouteConfig content;
  std::uint64_t version = 0;
};
// Where stored routes come from.
struct StoredRoutes {
  // What is left to do with a route once those before it are done; it may be empty.
  using Rest = std::function<core::Result<void>()>;
  using Work = std::function<core::Result<Rest>(StoredRoute&&)>;
  // Calls `work` for every route, by several threads at once maybe, and what it returns in the order of names, one at a
  // time. An error, of its own or of these, ends it.
  std::function<core::Result<void>(const Work& work)> read;
  std::size_t most_rows = 0;  // that all of them have together; 0: nobody knows
};

class TableWriter {
 public:
  using TargetNames = std::set<std::string, std::less<>>;

  // `threads` build the graph of an index that has one.
  explicit TableWriter(std::size_t threads = 1) : threads_(threads) {}

  // `stored` is read the first time, and `graph`, of the references, used then; null: none was kept.
  // Errors: resource_exhausted when the file's references exceed index.capacity; those of TableEdit.
  [[nodiscard]] core::Result<std::shared_ptr<const RoutingState>> load(const config::Config& config,
                                                                       const StoredRoutes& stored = {},
                                                                       KeptGraph* graph = nullptr,
                                                                       InsertProgress on_inserted = nullptr);

  // All of `changes`, in order, or none; they make `revision`. Sees what was applied before, finished or not.
  // Errors: conflict, not_found, bad_request, bad_vector, dimension_mismatch, resource_exhausted, overloaded.
  [[nodiscard]] core::Result<void> apply(std::span<const RouteChange> changes, std::uint64_t revision);
  [[nodiscard]] bool has_draft() const noexcept { return !draft_.empty(); }
  [[nodiscard]] std::shared_ptr<const RoutingState> finish();
  void abandon();

  // Whether rows still wait for older states.
  bool collect();

  // The newest. Null before the first load.
  [[nodiscard]] const std::shared_ptr<const RoutingState>& newest() const noexcept { return newest_; }
  [[nodiscard]] std::size_t threads() const noexcept { return threads_; }
  // Rows that went into and out of the indexes so far.
  [[nodiscard]] std::uint64_t inserted() const noexcept { return inserted_; }
  [[nodiscard]] std::uint64_t removed() const noexcept { return removed_; }

 private:
  // Rows that `last` and older states may have, and no later one.
  struct Gone {
    std::weak_ptr<const RoutingState> last;
    RowIds rows;
    std::shared_ptr<core::Index> vectors;  // the index of rows.vectors
  };
  using Entries = std::map<std::string, TableEntry, std::less<>>;

  [[nodiscard]] core::Result<void> make_indexes(const config::IndexConfig& params);
  [[nodiscard]] core::Result<SharedIndexes> indexes_for(const config::Config& config) const;
  [[nodiscard]] TableEntry find(const Entries& edited, std::string_view name) const;
  [[nodiscard]] core::Result<void> apply_one(const RouteChange& change, std::uint64_t revision, TableEdit& edit,
                                             Entries& entries, std::ptrdiff_t& rows) const;
  [[nodiscard]] core::Result<TableEntry> put(const RouteChange& change, std::uint64_t revision, const TableEntry& now,
                                             TableEdit& edit) const;
  [[nodiscard]] core::Result<TableEntry> patch(const RouteChange& change, std::uint64_t revision, const TableEntry& now,
                                               TableEdit& edit) const;
  [[nodiscard]] core::Result<void> check_destination(const RouteChange& change,
                                                     const config::Destination& destination) const;
  [[nodiscard]] core::Result<void> check_rows(const RouteChange& change, const char* references,
                                              const char* negatives) const;
  [[nodiscard]] std::shared_ptr<const RoutingState> make_state(std::vector<std::shared_ptr<const Route>> routes,
                                                               std::vector<std::shared_ptr<const ParkedRoute>> parked,
                                                               DecisionRules rules);
  [[nodiscard]] core::Result<void> load_once(const config::Config& config, const StoredRoutes& stored, KeptGraph* graph,
                                             InsertProgress on_inserted);
  void succeed(std::shared_ptr<const RoutingState> state, RowIds gone, std::shared_ptr<core::Index> vectors);
  class Loading;

  std::size_t threads_;
  std::size_t capacity_ = 0;
  SharedIndexes indexes_;
  std::shared_ptr<const RoutingState> newest_;
  TargetNames targets_;
  std::string file_;  // of the configuration, for messages

  Entries draft_;                                  // what differs from newest_
  std::vector<std::unique_ptr<TableEdit>> edits_;  // of the draft
  std::ptrdiff_t draft_rows_ = 0;                  // more than newest_ has
  std::deque<Gone> gone_;                          // in the order of their states
  std::uint64_t inserted_ = 0;
  std::uint64_t removed_ = 0;
};

// A name in `destination` that is not among `targets`; empty: all are.
[[nodiscard]] std::string missing_target(const config::Destination& destination,
                                         const TableWriter::TargetNames& targets);

// The state of a configuration alone.
[[nodiscard]] core::Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config,
                                                                                    std::size_t threads = 1);

}  // namespace semroute::router
