// TableEdit: routes on their way into the next table, and their rows on the way into the indexes.
//
// Rows are inserted under new ids, which no table has yet: searches see them and pass over them. flush() leaves all of
// them in the indexes; take_back() none. Rows that no route has any more are only noted (gone()): older tables need
// them. Complexity: that of the rows. Threads: one; place() by any at the same time. Errors: bad_vector leaves nothing
// of that route; after others only take_back() may follow.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "core/base/result.h"
#include "core/index/index.h"
#include "router/changes/route_change.h"
#include "router/routes/route.h"
#include "router/routes/row_inserter.h"

namespace semroute::router {

// The indexes that successive tables share. Ids are handed out once.
struct SharedIndexes {
  std::shared_ptr<core::Index> references;
  std::shared_ptr<core::Index> negatives;
  std::shared_ptr<core::Index> vectors;  // RoutingState::route_vectors; null where the aggregation has none
  config::Aggregation aggregation = config::Aggregation::max;
  core::ReferenceId next_reference = 0;
  core::ReferenceId next_negative = 0;
  core::ReferenceId next_vector = 0;
};

// Ids by index.
struct RowIds {
  IdRanges references;
  IdRanges negatives;
  IdRanges vectors;

  void append(const RowIds& other);
};

// What the next table has under a name; both may be there: a parked route whose name the file has taken.
struct TableEntry {
  std::shared_ptr<const Route> active;
  std::shared_ptr<const ParkedRoute> parked;
};

// What to call a row in a message: its side ("reference", "negative") and its number.
using RowNamer = std::function<std::string(const char* side, std::size_t row)>;
[[nodiscard]] RowNamer rows_of_route(const std::string& name);

class TableEdit {
 public:
  // `has_new_vectors`: older routes have no vector in the index of vectors.
  // `graph`: of the references, whose index is empty then. `on_inserted`: told of the references.
  TableEdit(SharedIndexes& indexes, std::size_t threads, bool has_new_vectors = false, KeptGraph* graph = nullptr,
            InsertProgress on_inserted = nullptr);

  // A route of its own rows, all of them new. `before`, when given, is the file's older route of that name: rows that
  // it has keep their ids, and gone() gets the others.
  [[nodiscard]] core::Result<std::shared_ptr<Route>> make(const config::RouteConfig& content, RouteSource source,
                                                          std::uint64_t version, const RowNamer& namer,
                                                          const Route* before = nullptr,
                                                          std::optional<PlacedRows> placed = std::nullopt);
  // References of a route that is all new, on their way into make(), by any thread beside the others. Nothing where
  // that is not possible.
  [[nodiscard]] std::optional<PlacedRows> place(std::span<const float> references) {
    return references_.place(references);
  }
  // Whether make() looks at the values of references that were placed.
  [[nodiscard]] bool needs_values() const noexcept { return vectors_.has_value(); }
  // `before` with rows removed and added; the fields are the caller's. `change` has positions that are there and
  // vectors of the index's dimension.
  [[nodiscard]] core::Result<std::shared_ptr<Route>> with_rows(const Route& before, const RouteChange& change,
                                                               std::uint64_t version, const RowNamer& namer);
  // The same route with a vector in the index of vectors as it is now.
  [[nodiscard]] core::Result<std::shared_ptr<Route>> with_vector(const Route& before);

  // Out of the table, with its rows; and back.
  [[nodiscard]] std::shared_ptr<const ParkedRoute> park(const Route& route, std::string reason);
  [[nodiscard]] std::shared_ptr<const ParkedRoute> park(const config::RouteConfig& content, std::uint64_t version,
                                                        std::string reason) const;
  [[nodiscard]] core::Result<std::shared_ptr<Route>> activate(const ParkedRoute& parked);

  // Its rows are not needed by the next table.
  void drop(const Route& route);

  [[nodiscard]] core::Result<void> flush();
  void take_back();

  [[nodiscard]] const RowIds& gone() const noexcept { return gone_; }
  [[nodiscard]] std::size_t inserted() const noexcept;

 private:
  [[nodiscard]] core::Result<void> set_vector(Route& route, std::span<const float> raw);
  [[nodiscard]] core::Result<std::vector<float>> raw_of(const Route& route);
  [[nodiscard]] core::Result<void> join_ranges(Route& route);
  [[nodiscard]] core::Result<IdRanges> again(RowInserter& rows, const config::ReferenceRows& given,
                                             const std::vector<RowHash>& hashes, const IdRanges& before,
                                             const std::vector<RowHash>& hashes_before, IdRanges& gone,
                                             const char* side, const RowNamer& namer);

  void drop_vector(const Route& route);

  SharedIndexes& indexes_;
  bool has_new_vectors_;
  RowInserter references_;
  RowInserter negatives_;
  std::optional<RowInserter> vectors_;
  RowIds gone_;
};

}  // namespace semroute::router
