// Index::Impl: the parts of an index and how changes go through them. Only index*.cpp include this.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/index/hnsw_graph.h"
#include "core/index/index.h"
#include "core/index/search_costs.h"
#include "core/index/vector_table.h"

namespace semroute::core {

// Locks, in the order in which they are taken: linking (shared by all that link, alone for making and repairing a
// graph), then writing (the table, and which slots are nodes). Searches take none.
struct Index::Impl {
  explicit Impl(const IndexParams& given) : params(given), costs(given) {}
  ~Impl() {
    stopping.store(true);
    if (builder.joinable()) builder.join();
  }

  [[nodiscard]] Result<void> insert(std::span<const ReferenceId> ids, const float* const* rows, std::size_t threads);
  std::size_t remove(std::span<const ReferenceId> ids);
  void link_all(std::span<const std::uint32_t> slots, std::size_t threads);
  void measure_if_due();
  void measure();
  void measure_beside();  // measure_if_due(), by a thread of its own
  void start_graph_if_due();
  void build_in_background(std::uint32_t end);
  void repair_if_due();
  void repair();  // under `linking`, alone
  [[nodiscard]] std::size_t leaving(Epoch oldest);
  void retire(std::span<const std::uint32_t> slots);
  [[nodiscard]] const HnswGraph* graph_to_walk() const noexcept {
    return walking.load(std::memory_order_acquire) ? graph.get() : nullptr;
  }
  std::size_t search(const float* query, std::span<Hit> hits, const SearchOptions& options,
                     const Readers::Reading& reading) const;
  template <class Visit>
  void for_slots(IdRange ids, const Readers::Reading& reading, Visit&& visit) const;

  const IndexParams params;
  mutable Readers readers;
  std::unique_ptr<VectorTable> table;
  std::unique_ptr<HnswGraph> graph;  // made under `linking`, never taken back
  std::atomic<bool> has_graph{false};
  std::atomic<bool> walking{false};  // the graph holds every alive slot
  std::vector<Epoch> deaths;         // of nodes that wait for repair, ascending; under `writing`
  bool no_memory_for_graph = false;  // under `writing`
  SearchCosts costs;
  std::mutex measuring;
  std::atomic<std::size_t> measure_from{kFewestForGraph};  // references; costs change as the table grows
  mutable std::shared_mutex linking;
  std::mutex writing;
  std::thread builder;  // or one that measures, where there is nothing to build
  std::atomic<bool> stopping{false};
  std::atomic<bool> building{false};
};

}  // namespace semroute::core
