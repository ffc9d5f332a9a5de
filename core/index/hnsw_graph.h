// HnswGraph: a hierarchy of navigable graphs over the slots of a table (Malkov & Yashunin, arXiv:1603.09320).
//
// A slot's links on layer 0 lie in one aligned block of 2 m; on layer l > 0, where one slot in m^l stands, in blocks of
// m. Walks compare codes where the table has them (VectorTable::Rows), else full vectors. Neighbours are chosen by the
// paper's heuristic (Alg. 4) with pruned candidates kept while there is room. Under `dot` the graph is that of the
// vectors with one more number, sqrt(largest norm^2 - norm^2), which makes all norms equal: the nearest then are those
// of the largest inner product (Bachrach et al., RecSys 2014), and long vectors do not take all links.
//
// A vector equal to one that is there already becomes its twin: it hangs on that node and has no links of its own, so
// that thousands of equal vectors neither take all links nor fill a walk.
//
// Complexity: link about ef_construction * m distances and, on each neighbour whose list is full, 2 m * m more; walk
// about ef * m distances, growing with log(count); repair reads every list and mends those that lead to a dead slot.
// Threads: walk from any thread holding a Readers::Reading, at any time; it never waits. link from several threads at
// once; grow from one at a time; repair while no link runs (the caller sees to it). A new node's own links are complete
// before others link to it. Errors: grow is false when memory is short. Lifetime: the table outlives the graph.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/base/growing_block.h"
#include "core/base/result.h"
#include "core/index/graph_image.h"
#include "core/index/index_params.h"
#include "core/index/search_scratch.h"
#include "core/index/vector_table.h"

namespace semroute::core {

class HnswGraph {
 public:
  [[nodiscard]] static Result<std::unique_ptr<HnswGraph>> make(const IndexParams& params, const VectorTable& table);
  ~HnswGraph();

  // Room for the slots below `slots` to become nodes.
  [[nodiscard]] bool grow(std::size_t slots);
  // The slot is to be a node: from here on it is repair() that gives it back. Precondition: room was made for it.
  void claim(std::uint32_t slot) noexcept;
  // Links a claimed slot, whose vector is written.
  void link(std::uint32_t slot, SearchScratch& scratch) { link(slot, true, scratch); }

  // The node stays a way for walks, but nothing new links to it; repair() takes it out.
  void mark_dead(std::uint32_t slot) noexcept;
  // Takes out the nodes that were dead in epoch `at` (readers.h: that of the oldest reader, who may see those that died
  // since), joins their neighbours (after Singh et al., FreshDiskANN, arXiv:2105.09613, Alg. 4), and returns them:
  // nothing links to them any more.
  [[nodiscard]] std::vector<std::uint32_t> repair(Epoch at, SearchScratch& scratch);
  [[nodiscard]] std::size_t dead_count() const noexcept { return dead_count_.load(std::memory_order_relaxed); }

  // Leaves in scratch.pool the nearest nodes found, best first, at most ef of them; keys are those of the codes, if the
  // table has any, off by what the ErrorTerms say. Dead ones are among them.
  ErrorTerms walk(const float* query, std::size_t ef, SearchScratch& scratch) const;

  // Calls visit(slot) for the slots whose vectors equal that of the node.
  template <class Visit>
  void for_twins(std::uint32_t node, Visit&& visit) const {
    const auto* next = twins_.as<Link>();
    for (std::uint32_t link = next[node].load(std::memory_order_acquire); link != 0;
         link = next[link - 1].load(std::memory_order_acquire))
      visit(link - 1);
  }

  // All but the table's part of an image: the caller adds contents and parameters. Precondition: nothing changes the
  // graph meanwhile, and none of its nodes is dead.
  [[nodiscard]] Result<void> save(GraphImageWriter& image, GraphImageHeader& header) const;
  // What save() wrote, checked for everything a walk relies on. Precondition: the graph is new, of the image's
  // parameters, and has grown to its slots. Error: damaged.
  [[nodiscard]] Result<void> load(const GraphImageReader& image, std::size_t threads);

  // Whether the slot was claimed and not yet taken out.
  [[nodiscard]] bool is_node(std::uint32_t slot) const noexcept { return layers_byte(slot).load() != 0; }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  using Link = std::atomic<std::uint32_t>;  // a slot + 1; 0 ends a list
  struct Entry {
    std::uint32_t link = 0;  // 0: no node yet
    std::uint32_t layers = 0;
  };
  class Scorer;

  static constexpr GraphSection kOwnSections[] = {GraphSection::layers, GraphSection::base_links,
                                                  GraphSection::upper_links, GraphSection::twins,
                                                  GraphSection::squared_norms};

  HnswGraph(const IndexParams& params, const VectorTable& table);
  [[nodiscard]] std::span<std::byte> bytes_of(GraphSection section) const noexcept;
  [[nodiscard]] std::string find_problem(std::size_t threads) const;  // empty: none
  [[nodiscard]] std::string find_twin_problem() const;
  struct Looked;
  void look_at(std::uint32_t begin, std::uint32_t end, Looked& looked) const;
  [[nodiscard]] bool stands_on(std::uint32_t link, std::size_t layer) const noexcept;

  [[nodiscard]] std::span<Link> links_of(std::uint32_t slot, std::size_t layer) const noexcept;
  static constexpr std::uint8_t kTwin = 0x80;  // beside the layers that the slot would stand on by itself
  [[nodiscard]] std::atomic<std::uint8_t>& layers_byte(std::uint32_t slot) const noexcept {
    return layers_.as<std::atomic<std::uint8_t>>()[slot];
  }
  [[nodiscard]] std::size_t layers_of(std::uint32_t slot) const noexcept {
    return layers_byte(slot).load(std::memory_order_acquire) & ~kTwin;
  }
  // No list leads to a twin, and it has none of its own.
  [[nodiscard]] bool is_twin(std::uint32_t slot) const noexcept {
    return (layers_byte(slot).load(std::memory_order_acquire) & kTwin) != 0;
  }
  [[nodiscard]] bool is_dead(std::uint32_t slot) const noexcept;
  [[nodiscard]] Entry entry() const noexcept;
  void set_entry(Entry entry) noexcept;
  [[nodiscard]] std::size_t draw_layers(std::uint32_t slot) const noexcept;
  [[nodiscard]] float complement_of(float squared_norm) const noexcept;

  // Walking (hnsw_walk.cpp).
  [[nodiscard]] Candidate descend(const Scorer& scorer, Entry from, std::size_t to_layer, SearchScratch& scratch) const;
  [[gnu::always_inline]] void ask_for_links(std::uint32_t slot, std::size_t layer) const noexcept;
  void ask_for_rows_behind(std::uint32_t slot, std::size_t layer, const Scorer& scorer,
                           const SearchScratch& scratch) const noexcept;
  void search_layer(const Scorer& scorer, Candidate from, std::size_t layer, std::size_t ef,
                    SearchScratch& scratch) const;

  // Building (hnsw_build.cpp).
  void link(std::uint32_t slot, bool may_be_twin, SearchScratch& scratch);
  void prepare_node(std::uint32_t slot, std::size_t layers, SearchScratch& scratch);
  [[nodiscard]] bool become_first(std::uint32_t slot, std::size_t layers);
  [[nodiscard]] bool become_twin(std::uint32_t slot, SearchScratch& scratch);
  void drop_shadowed(const Candidate& kept, std::size_t first, SearchScratch& scratch) const;
  void pick_diverse(std::size_t most, SearchScratch& scratch) const;
  static void fill_up(std::size_t most, SearchScratch& scratch);
  void choose(std::size_t most, SearchScratch& scratch) const;
  void link_back(std::uint32_t node, std::uint32_t slot, float key, std::size_t layer, SearchScratch& scratch);
  static void write_links(std::span<Link> links, std::span<const Candidate> chosen) noexcept;

  // Repairing (hnsw_repair.cpp).
  void mend_twins(std::uint32_t node, Epoch at);
  void release_twins(std::uint32_t node, Epoch at, std::vector<std::uint32_t>& released);
  void mend(std::uint32_t slot, std::size_t layer, Epoch at, std::vector<std::uint32_t>& stranded,
            SearchScratch& scratch);
  [[nodiscard]] bool leaves(std::uint32_t slot, Epoch at) const noexcept {
    return is_dead(slot) && table_.death_of(slot) <= at;
  }
  [[nodiscard]] std::size_t leaving_in(std::span<const Link> links, Epoch at) const noexcept;
  void replace_entry();

  const IndexParams params_;
  const VectorTable& table_;
  double layer_factor_;
  std::size_t upper_stride_;  // links from one upper layer's block to the next
  std::size_t base_stride_;
  GrowingBlock base_;    // links of layer 0
  GrowingBlock layers_;  // a byte a slot: the layers it stands on, and kTwin; 0: it is no node
  GrowingBlock uppers_;  // a uint32 a slot: where its upper blocks are
  GrowingBlock upper_links_;
  GrowingBlock twins_;          // a link a slot: the next of equal vectors
  GrowingBlock dead_;           // a bit a slot
  GrowingBlock squared_norms_;  // dot: a float a slot
  std::size_t upper_blocks_ = 0;
  std::atomic<std::size_t> slots_{0};
  std::atomic<float> largest_squared_norm_{0.0F};
  std::atomic<std::uint64_t> entry_{0};
  std::atomic<std::size_t> dead_count_{0};
  std::mutex entry_change_;
  std::unique_ptr<std::atomic_flag[]> locks_;  // node_lock.h
};

}  // namespace semroute::core
