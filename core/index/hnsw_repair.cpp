// HnswGraph: taking dead nodes out (after FreshDiskANN, arXiv:2105.09613, Alg. 4).
#include <algorithm>

#include "core/base/check.h"
#include "core/index/hnsw_graph.h"
#include "core/index/hnsw_scorer.h"

namespace semroute::core {
namespace {

// So many links at most take the place of one that is lost; few of those that are at hand are diverse.
constexpr std::size_t kLinksForLost = 2;

// Calls visit(slot) for each link of a list that nobody else writes.
template <class Links, class Visit>
void for_links(const Links& links, Visit&& visit) {
  for (const auto& next : links) {
    const std::uint32_t link = next.load(std::memory_order_relaxed);
    if (link == 0) return;
    visit(link - 1);
  }
}

}  // namespace

std::size_t HnswGraph::leaving_in(std::span<const Link> links, Epoch at) const noexcept {
  std::size_t leaving = 0;
  for_links(links, [&](std::uint32_t slot) { leaving += leaves(slot, at) ? 1 : 0; });
  return leaving;
}

// A list that leads to nodes that leave keeps its other links and gets, of what those led to, the diverse ones, which
// link back: otherwise few nodes would come to stand in very many lists, and many in few. The nearest of the others
// make it as long as it was, since walks need ways from cluster to cluster.
void HnswGraph::mend(std::uint32_t slot, std::size_t layer, Epoch at, std::vector<std::uint32_t>& stranded,
                     SearchScratch& scratch) {
  const std::span<Link> links = links_of(slot, layer);
  const std::size_t lost = leaving_in(links, at);
  if (lost == 0) return;
  auto& found = scratch.slots;
  found.clear();
  scratch.visited.mark(slot);
  for_links(links, [&](std::uint32_t other) {
    if (!leaves(other, at) && scratch.visited.mark(other)) found.push_back(other);
  });
  const std::size_t own = found.size();
  for_links(links, [&](std::uint32_t other) {
    if (!leaves(other, at)) return;
    for_links(links_of(other, layer), [&](std::uint32_t further) {
      if (!is_dead(further) && scratch.visited.mark(further)) found.push_back(further);
    });
  });
  scratch.visited.clear();
  scratch.keys.resize(std::max(scratch.keys.size(), found.size()));
  const Scorer about = Scorer::by_code(*this, slot, scratch.query_code, scratch.row);
  about(found.data(), found.size(), scratch.keys.data());
  auto& pool = scratch.pool;
  auto& kept = scratch.kept;
  pool.clear();
  kept.clear();
  scratch.pruned.clear();
  for (std::size_t i = 0; i < found.size(); ++i) (i < own ? kept : pool).push_back({scratch.keys[i], found[i]});
  std::sort(pool.begin(), pool.end(), nearer);
  for (const Candidate& link : kept) drop_shadowed(link, 0, scratch);
  pick_diverse(std::min(links.size(), own + kLinksForLost * lost), scratch);
  fill_up(own + lost, scratch);
  write_links(links, kept);
  if (layer == 0 && kept.empty()) stranded.push_back(slot);
  scratch.back_links.clear();
  for (std::size_t i = own; i < kept.size(); ++i)
    scratch.back_links.push_back({kept[i], static_cast<std::uint32_t>(layer)});
  for (std::size_t i = 0; i < scratch.back_links.size(); ++i)
    link_back(scratch.back_links[i].neighbour.slot, slot, scratch.back_links[i].neighbour.key, layer, scratch);
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

// Twins of a node that leaves are to stand for themselves again. They stay marked as twins until they are linked: the
// links of upper layers that they have are of when they were linked first, and are not to be followed or mended.
void HnswGraph::release_twins(std::uint32_t node, Epoch at, std::vector<std::uint32_t>& released) {
  for_twins(node, [&](std::uint32_t twin) {
    if (!leaves(twin, at)) released.push_back(twin);
  });
  twins_.as<Link>()[node].store(0, std::memory_order_release);
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
  for (const std::uint32_t slot : released) {
    claim(slot);
    link(slot, true, scratch);
  }
  return taken_out;
}

}  // namespace semroute::core
