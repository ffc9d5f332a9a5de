// HnswGraph: inserting (arXiv:1603.09320, Alg. 1 and 4).
#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/index/hnsw_graph.h"
#include "core/index/hnsw_scorer.h"
#include "core/index/node_lock.h"

namespace semroute::core {
namespace {

// A full list is cut to this share less, so that the next links find room without looking at all again.
constexpr std::size_t kSpareLinks = 4;

}  // namespace

// Of scratch.pool, from `first` on, keeps those that are nearer to the node the pool is about than to `kept`; the
// others, to which `kept` leads, go to scratch.pruned.
void HnswGraph::drop_shadowed(const Candidate& kept, std::size_t first, SearchScratch& scratch) const {
  auto& pool = scratch.pool;
  const std::size_t count = pool.size() - first;
  std::size_t left = 0;
  if (count > 0) {
    scratch.slots.resize(std::max(scratch.slots.size(), count));
    scratch.keys.resize(scratch.slots.size());
    const Scorer about = Scorer::by_code(*this, kept.slot, scratch.other_code, scratch.other_row);
    for (std::size_t i = 0; i < count; ++i) scratch.slots[i] = pool[first + i].slot;
    about(scratch.slots.data(), count, scratch.keys.data());
    for (std::size_t i = 0; i < count; ++i) {
      // As near to a kept one as to the node counts as nearer: of equal vectors one is enough.
      if (scratch.keys[i] >= pool[first + i].key)
        scratch.pruned.push_back(pool[first + i]);
      else
        pool[left++] = pool[first + i];
    }
  }
  pool.resize(left);
}

// Moves from scratch.pool (nearest first) to scratch.kept until that has `most`: each nearer to the node than to any
// one kept before (Alg. 4).
void HnswGraph::pick_diverse(std::size_t most, SearchScratch& scratch) const {
  auto& pool = scratch.pool;
  while (!pool.empty() && scratch.kept.size() < most) {
    const Candidate next = pool.front();
    scratch.kept.push_back(next);
    if (scratch.kept.size() < most) drop_shadowed(next, 1, scratch);
  }
}

// Moves the nearest of scratch.pruned to scratch.kept until that has `most`.
void HnswGraph::fill_up(std::size_t most, SearchScratch& scratch) {
  auto& pruned = scratch.pruned;
  auto& kept = scratch.kept;
  if (kept.size() >= most) return;
  const auto room = static_cast<std::ptrdiff_t>(std::min(most - kept.size(), pruned.size()));
  std::partial_sort(pruned.begin(), pruned.begin() + room, pruned.end(), nearer);
  kept.insert(kept.end(), pruned.begin(), pruned.begin() + room);
}

// Of scratch.pool (nearest first) keeps in it the `most` that make the best links: the diverse ones; what room is left
// goes to the nearest of the others.
void HnswGraph::choose(std::size_t most, SearchScratch& scratch) const {
  if (scratch.pool.size() <= most) return;
  auto& kept = scratch.kept;
  scratch.pruned.clear();
  kept.clear();
  pick_diverse(most, scratch);
  fill_up(most, scratch);
  std::swap(scratch.pool, kept);
}

// A reader may see old and new links mixed, each of them a node; never fewer than there are.
void HnswGraph::write_links(std::span<Link> links, std::span<const Candidate> chosen) noexcept {
  SEMROUTE_CHECK(chosen.size() <= links.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) links[i].store(chosen[i].slot + 1, std::memory_order_release);
  if (chosen.size() < links.size()) links[chosen.size()].store(0, std::memory_order_release);
}

void HnswGraph::link_back(std::uint32_t node, std::uint32_t slot, float key, std::size_t layer,
                          SearchScratch& scratch) {
  const NodeLock lock(locks_.get(), node);
  const std::span<Link> links = links_of(node, layer);
  std::size_t count = 0;
  while (count < links.size() && links[count].load(std::memory_order_relaxed) != 0) ++count;
  for (std::size_t i = 0; i < count; ++i)
    if (links[i].load(std::memory_order_relaxed) == slot + 1) return;
  if (count < links.size()) {
    if (count + 1 < links.size()) links[count + 1].store(0, std::memory_order_relaxed);
    links[count].store(slot + 1, std::memory_order_release);
    return;
  }
  auto& pool = scratch.pool;
  scratch.slots.resize(std::max(scratch.slots.size(), count));
  scratch.keys.resize(scratch.slots.size());
  for (std::size_t i = 0; i < count; ++i) scratch.slots[i] = links[i].load(std::memory_order_relaxed) - 1;
  {
    const Scorer about = Scorer::by_code(*this, node, scratch.other_code, scratch.other_row);
    about(scratch.slots.data(), count, scratch.keys.data());
  }
  pool.clear();
  for (std::size_t i = 0; i < count; ++i)
    if (!is_dead(scratch.slots[i])) pool.push_back({scratch.keys[i], scratch.slots[i]});
  pool.push_back({key, slot});
  std::sort(pool.begin(), pool.end(), nearer);
  // Room for the links to come: a list is looked through again only after it has filled up.
  choose(links.size() - links.size() / kSpareLinks, scratch);
  write_links(links, pool);
}

void HnswGraph::prepare_node(std::uint32_t slot, std::size_t layers, SearchScratch& scratch) {
  if (params_.metric == Metric::dot) {
    scratch.row.resize(params_.dimension);
    table_.rows().read(slot, scratch.row.data());
    double square = 0.0;
    for (const float number : scratch.row) square += static_cast<double>(number) * static_cast<double>(number);
    const auto squared = static_cast<float>(square);
    squared_norms_.as<float>()[slot] = squared;
    float largest = largest_squared_norm_.load();
    while (squared > largest && !largest_squared_norm_.compare_exchange_weak(largest, squared)) {
    }
  }
  for (std::size_t layer = 0; layer < layers; ++layer) links_of(slot, layer)[0].store(0, std::memory_order_relaxed);
}

bool HnswGraph::become_first(std::uint32_t slot, std::size_t layers) {
  const std::lock_guard<std::mutex> lock(entry_change_);
  if (entry().link != 0) return false;
  set_entry({slot + 1, static_cast<std::uint32_t>(layers)});
  return true;
}

// scratch.pool holds the nearest nodes to the slot, whose vector is in scratch.row.
bool HnswGraph::become_twin(std::uint32_t slot, SearchScratch& scratch) {
  constexpr std::size_t kMostCompared = 8;  // codes may tie where vectors do not
  for (std::size_t i = 0; i < std::min(kMostCompared, scratch.pool.size()); ++i) {
    const std::uint32_t node = scratch.pool[i].slot;
    if (scratch.pool[i].key < scratch.pool.front().key) return false;
    scratch.other_row.resize(params_.dimension);
    table_.rows().read(node, scratch.other_row.data());
    if (node == slot || is_dead(node) || scratch.other_row != scratch.row) continue;
    layers_byte(slot).fetch_or(kTwin, std::memory_order_release);
    const NodeLock lock(locks_.get(), node);
    auto* next = twins_.as<Link>();
    next[slot].store(next[node].load(std::memory_order_relaxed), std::memory_order_relaxed);
    next[node].store(slot + 1, std::memory_order_release);
    return true;
  }
  return false;
}

void HnswGraph::claim(std::uint32_t slot) noexcept {
  twins_.as<Link>()[slot].store(0, std::memory_order_relaxed);
  layers_byte(slot).store(static_cast<std::uint8_t>(draw_layers(slot)), std::memory_order_release);
}

void HnswGraph::link(std::uint32_t slot, bool may_be_twin, SearchScratch& scratch) {
  const std::size_t layers = layers_of(slot);
  prepare_node(slot, layers, scratch);
  if (entry().link == 0 && become_first(slot, layers)) return;
  const Entry from = entry();
  std::size_t layer = std::min<std::size_t>(layers, from.layers);
  {
    const Scorer scorer(*this, slot, scratch.query_code, scratch.row);
    Candidate nearest = descend(scorer, from, layer - 1, scratch);
    // Own links on every layer first, from the top; then others link to it.
    scratch.back_links.clear();
    while (layer-- > 0) {
      search_layer(scorer, nearest, layer, params_.hnsw.ef_construction, scratch);
      nearest = scratch.pool.front();
      if (layer == 0 && may_be_twin && become_twin(slot, scratch)) return;
      std::erase_if(scratch.pool, [&](const Candidate& c) { return c.slot == slot || is_dead(c.slot); });
      choose(params_.hnsw.m, scratch);
      write_links(links_of(slot, layer), scratch.pool);
      for (const Candidate& neighbour : scratch.pool)
        scratch.back_links.push_back({neighbour, static_cast<std::uint32_t>(layer)});
    }
  }
  for (std::size_t i = 0; i < scratch.back_links.size(); ++i) {
    const auto [neighbour, on_layer] = scratch.back_links[i];
    link_back(neighbour.slot, slot, neighbour.key, on_layer, scratch);
  }
  if (layers <= from.layers) return;
  const std::lock_guard<std::mutex> lock(entry_change_);
  if (layers > entry().layers) set_entry({slot + 1, static_cast<std::uint32_t>(layers)});
}

}  // namespace semroute::core
