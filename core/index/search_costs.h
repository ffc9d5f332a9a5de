// SearchCosts: what searches of a table cost on the machine at hand, measured on the table itself, so that the cheaper
// of scanning and walking is taken.
//
// Scanning is exact, so a walk has to be clearly cheaper to be worth a graph: kWalkAdvantage times.
// Complexity: measure some milliseconds, or one scan where that takes longer; the others O(1).
// Threads: measure from one at a time, holding a Readers::Reading; the others from any. Before the first measure() the
// costs are guesses.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/index/hnsw_graph.h"
#include "core/index/index_params.h"
#include "core/index/readers.h"
#include "core/index/vector_table.h"

namespace semroute::core {

// No graph is thought of before there are so many rows: they are scanned in a few microseconds.
inline constexpr std::size_t kFewestForGraph = 2'048;
inline constexpr double kWalkAdvantage = 1.5;

class SearchCosts {
 public:
  explicit SearchCosts(const IndexParams& params);

  // Times scans and, with a graph that holds the table, walks. Does nothing for an empty table.
  void measure(const VectorTable& table, const HnswGraph* graph, const Readers::Reading& reading);

  // Nanoseconds: of scanning so many rows in order, of looking up so many rows by id, and of a walk that keeps ef
  // candidates.
  [[nodiscard]] double scan_ns(std::size_t rows) const noexcept;
  [[nodiscard]] double look_up_ns(std::size_t rows) const noexcept;
  [[nodiscard]] double walk_ns(std::size_t ef) const noexcept;

 private:
  void measure_rows(const VectorTable& table, const Readers::Reading& reading);
  void measure_walks(const VectorTable& table, const HnswGraph& graph, const Readers::Reading& reading);
  void expect_walks(double gathered_row_ns) noexcept;

  const IndexParams params_;
  std::atomic<double> scanned_row_ns_{0.0};
  std::atomic<double> looked_up_row_ns_{0.0};
  std::atomic<double> walk_start_ns_{0.0};
  std::atomic<double> walked_candidate_ns_{0.0};
};

}  // namespace semroute::core
