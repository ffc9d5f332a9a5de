// RowInserter: rows on their way into an index, under new ids, in batches.
//
// A graph is built by several threads, codes are trained on many rows, and what waits stays bounded. What was inserted
// can be taken back as long as no table has it. With a graph that was kept, rows go at once to their places in an index
// of their own, which is the index after flush(); only those that the graph has not wait for that.
// Threads: one; place() by any at the same time; the index is shared. Errors: those of prepare_vector, which leave
// nothing of that call; those of Index::insert and of the graph, after which only take_back() may follow. Lifetime: the
// index and the counter outlive it; only one at a time works on an index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/index/index.h"
#include "core/index/index_restorer.h"
#include "router/routes/id_ranges.h"

namespace semroute::router {

// A graph that was kept in a file, for an index that is empty and nobody else's yet.
struct KeptGraph {
  const core::File& file;
  std::optional<core::Error> problem{};  // why it was of no use: the graph was built
  bool was_opened = false;               // rows were placed in it
};

// Told now and then how many rows are in the index.
using InsertProgress = std::function<void(std::size_t rows)>;

// Rows that have their places with a kept graph, and no ids yet.
struct PlacedRows {
  std::vector<std::uint32_t> slots;  // kNoSlot: the graph has not this row
  std::vector<float> others;         // those rows, prepared
};

class RowInserter {
 public:
  // `next` is the first id that was never handed out.
  RowInserter(core::Index& index, core::ReferenceId& next, std::size_t threads, KeptGraph* graph = nullptr,
              InsertProgress on_inserted = nullptr);

  // Rows as they were given, and what to call one in a message ("route \"a\": reference 3 "). The ids that they get.
  [[nodiscard]] core::Result<core::IdRange> add(std::span<const float> raw,
                                                const std::function<std::string(std::size_t)>& name);
  [[nodiscard]] core::Result<core::IdRange> add_prepared(std::span<const float> rows);

  // Rows as they were given, to be added or forgotten later, by add(). Nothing: one of them cannot be prepared, or
  // there is no graph.
  [[nodiscard]] std::optional<PlacedRows> place(std::span<const float> raw);
  [[nodiscard]] core::Result<core::IdRange> add(PlacedRows rows);
  void forget(const PlacedRows& rows);

  // Inserts what waits. Until then the index may lack it. An error with KeptGraph::problem set: it was the graph's, and
  // without the graph all may be well.
  [[nodiscard]] core::Result<void> flush();
  // As if nothing had been added, but for the ids, which are not used again.
  void take_back();

  [[nodiscard]] const core::Index& index() const noexcept { return index_; }
  [[nodiscard]] std::size_t inserted() const noexcept { return inserted_.count(); }

 private:
  [[nodiscard]] core::Result<void> make_room();
  [[nodiscard]] core::Result<void> insert(std::span<const float> rows, std::span<const core::ReferenceId> ids);
  [[nodiscard]] core::Result<void> insert_waiting();
  [[nodiscard]] std::size_t rows_at_once() const noexcept;
  [[nodiscard]] core::Result<void> restore();

  core::Index& index_;
  core::ReferenceId& next_;
  std::size_t threads_;
  KeptGraph* graph_;
  std::optional<core::IndexRestorer> restorer_;  // until the first flush()
  InsertProgress on_inserted_;
  std::vector<float> waiting_;
  std::vector<core::ReferenceId> waiting_ids_;  // of these rows
  IdRanges restored_;                           // of the rows with places
  IdRanges inserted_;
};

}  // namespace semroute::router
