// HnswGraph: taking dead nodes out (after FreshDiskANN, arXiv:2105.09613, Alg. 4).
#include <algorithm>

#include "core/base/check.h"
#include "core/index/hnsw_graph.h"
#include "core/index/hnsw_scorer.h"

namespace semroute::core {

// A list that leads to dead nodes gets the best of what is left of it and of what the dead ones led to.
void HnswGraph::mend(std::uint32_t slot, std::size_t layer, Epoch at, std::vector<std::uint32_t>& stranded,
                     SearchScratch& scratch) {
  const std::span<Link> links = links_of(slot, layer);
  auto& found = scratch.slots;
  found.clear();
  bool leads_to_leaving = false;
  const auto add = [&](std::uint32_t other) {
    if (other != slot && scratch.visited.mark(other) && !leaves(other, at)) found.push_back(other);
  };
  for (const Link& next : links) {
    const std::uint32_t link = next.load(std::memory_order_relaxed);
    if (link == 0) break;
    leads_to_leaving = leads_to_leaving || leaves(link - 1, at);
    add(link - 1);
  }
  if (leads_to_leaving) {
    for (const Link& next : links) {
      const std::uint32_t link = next.load(std::memory_order_relaxed);
      if (link == 0) break;
      if (!leaves(link - 1, at)) continue;
      for (const Link& beyond : links_of(link - 1, layer)) {
        const std::uint32_t further = beyond.load(std::memory_order_relaxed);
        if (further == 0) break;
        add(further - 1);
      }
    }
  }
  scratch.visited.clear();
  if (!leads_to_leaving) return;
  const std::size_t count = found.size();
  scratch.keys.resize(std::max(scratch.keys.size(), count));
  const Scorer about(*this, slot, scratch.query_code, scratch.row);
  about(found.data(), count, scratch.keys.data());
  scratch.pool.clear();
  for (std::size_t i = 0; i < count; ++i) scratch.pool.push_back({scratch.keys[i], found[i]});
  std::sort(scratch.pool.begin(), scratch.pool.end(), [](const Candidate& a, const Candidate& b) {
    return a.key > b.key || (a.key == b.key && a.slot < b.slot);
  });
  choose(links.size(), scratch);
  write_links(links, scratch.pool);
  if (layer == 0 && scratch.pool.empty()) stranded.push_back(slot);
}

// Twins that leave are taken out of the node's list. A reader in the middle of it goes on through what it was.
void HnswGraph::mend_twins(std::uint32_t node, Epoch at) {
  auto* next = twins_.as<Link>();
  if (next[node].load(std::memory_order_relaxed) == 0) return;
  std::uint32_t last = node;
  for_twins(node, [&](std::uint32_t twin) {
    if (leaves(twin, at)) return;
    next[last].store(twin + 1, std::memory_order_release);
    last = twin;
  });
  next[last].store(0, std::memory_order_release);
}

// Twins of a node that leaves are to stand for themselves again.
void HnswGraph::release_twins(std::uint32_t node, Epoch at, std::vector<std::uint32_t>& released) {
  const std::size_t others = released.size();
  for_twins(node, [&](std::uint32_t twin) {
    if (!leaves(twin, at)) released.push_back(twin);
  });
  twins_.as<Link>()[node].store(0, std::memory_order_release);
  for (std::size_t i = others; i < released.size(); ++i) claim(released[i]);
}

void HnswGraph::replace_entry() {
  Entry best;
  for (std::uint32_t slot = 0; slot < slots_.load(std::memory_order_relaxed); ++slot) {
    const std::size_t layers = layers_of(slot);
    if (layers > best.layers && !is_dead(slot) && !is_twin(slot)) best = {slot + 1, static_cast<std::uint32_t>(layers)};
  }
  set_entry(best);
}

std::vector<std::uint32_t> HnswGraph::repair(Epoch at, SearchScratch& scratch) {
  std::vector<std::uint32_t> taken_out;
  std::vector<std::uint32_t> released;  // twins of nodes that leave
  std::vector<std::uint32_t> stranded;  // all that they led to is gone
  const auto slots = static_cast<std::uint32_t>(slots_.load(std::memory_order_relaxed));
  scratch.visited.make_room(slots);
  if (const Entry from = entry(); from.link != 0 && leaves(from.link - 1, at)) replace_entry();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    if (!is_node(slot)) continue;
    if (leaves(slot, at)) {
      taken_out.push_back(slot);
      if (!is_twin(slot)) release_twins(slot, at, released);
    } else if (!is_twin(slot)) {
      mend_twins(slot, at);
      for (std::size_t layer = 0; layer < layers_of(slot); ++layer) mend(slot, layer, at, stranded, scratch);
    }
  }
  for (const std::uint32_t slot : taken_out) {
    layers_byte(slot).store(0, std::memory_order_release);
    dead_.as<std::atomic<std::uint64_t>>()[slot / 64].fetch_and(~(std::uint64_t{1} << (slot % 64)),
                                                                std::memory_order_relaxed);
  }
  dead_count_.fetch_sub(taken_out.size(), std::memory_order_relaxed);
  // Others may lead to a stranded node, so it stays one, even beside another with an equal vector.
  for (const std::uint32_t slot : stranded)
    if (entry().link != slot + 1) link(slot, false, scratch);
  for (const std::uint32_t slot : released) link(slot, true, scratch);
  return taken_out;
}

}  // namespace semroute::core
