// RowInserter: rows on their way into an index, under new ids, in batches.
//
// A graph is built by several threads, codes are trained on many rows, and what waits stays bounded. What was inserted
// can be taken back as long as no table has it.
// Threads: one; the index is shared. Errors: those of prepare_vector, which leave nothing of that call; those of
// Index::insert, after which only take_back() may follow. Lifetime: the index and the counter outlive it; only one at a
// time works on an index.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/index/index.h"
#include "router/routes/id_ranges.h"

namespace semroute::router {

// A graph that was kept in a file, for an index that is empty and nobody else's yet.
struct KeptGraph {
  const core::File& file;
  std::optional<core::Error> problem{};  // why it was of no use: the graph was built
};

// Told now and then how many rows are in the index.
using InsertProgress = std::function<void(std::size_t rows)>;

class RowInserter {
 public:
  // `next` is the first id that was never handed out. With `graph`, all rows wait for the first flush(), which makes
  // the index of them and it.
  RowInserter(core::Index& index, core::ReferenceId& next, std::size_t threads, KeptGraph* graph = nullptr,
              InsertProgress on_inserted = nullptr)
      : index_(index), next_(next), threads_(threads), graph_(graph), on_inserted_(std::move(on_inserted)) {}

  // Rows as they were given, and what to call one in a message ("route \"a\": reference 3 "). The ids that they get.
  [[nodiscard]] core::Result<core::IdRange> add(std::span<const float> raw,
                                                const std::function<std::string(std::size_t)>& name);
  [[nodiscard]] core::Result<core::IdRange> add_prepared(std::span<const float> rows);

  // Inserts what waits. Until then the index may lack it.
  [[nodiscard]] core::Result<void> flush();
  // As if nothing had been added, but for the ids, which are not used again.
  void take_back();

  [[nodiscard]] const core::Index& index() const noexcept { return index_; }
  [[nodiscard]] std::size_t inserted() const noexcept { return inserted_.count(); }

 private:
  [[nodiscard]] core::Result<void> make_room();
  [[nodiscard]] core::Result<void> insert(std::span<const float> rows, core::ReferenceId first);
  [[nodiscard]] std::size_t rows_at_once() const noexcept;
  void restore();
  [[nodiscard]] std::size_t waiting_rows() const noexcept;

  core::Index& index_;
  core::ReferenceId& next_;
  std::size_t threads_;
  KeptGraph* graph_;
  InsertProgress on_inserted_;
  std::vector<std::vector<float>> full_;  // blocks that wait with a graph
  std::vector<float> waiting_;
  IdRanges inserted_;
};

}  // namespace semroute::router
