// HnswGraph: walking (arXiv:1603.09320, Alg. 2 and 5).
#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/index/hnsw_graph.h"
#include "core/index/hnsw_scorer.h"

namespace semroute::core {
namespace {

constexpr std::uint32_t kExpanded = std::uint32_t{1} << 31;  // slots stay below it

// What is asked of memory for the next expansion while one goes on: more only waits (rows_body.inc, kLinesAhead).
constexpr std::size_t kMostLinesAsked = 160;

// How many of the pool come before the key: a search without branches, which would be guessed wrong half of the time.
std::size_t place_of(float key, std::span<const Candidate> pool) noexcept {
  if (pool.empty()) return 0;
  const Candidate* first = pool.data();
  for (std::size_t count = pool.size(); count > 1;) {
    const std::size_t half = count / 2;
    first += first[half - 1].key >= key ? half : 0;
    count -= half;
  }
  return static_cast<std::size_t>(first - pool.data()) + (first->key >= key ? 1 : 0);
}

}  // namespace

// The nearest node on `to_layer`'s upper neighbour layers, going down greedily from the entry.
Candidate HnswGraph::descend(const Scorer& scorer, Entry from, std::size_t to_layer, SearchScratch& scratch) const {
  Candidate best{scorer(from.link - 1), from.link - 1};
  scratch.slots.resize(std::max(scratch.slots.size(), 2 * params_.hnsw.m));
  scratch.keys.resize(scratch.slots.size());
  for (std::size_t layer = from.layers - 1; layer > to_layer; --layer) {
    for (bool moved = true; moved;) {
      moved = false;
      std::size_t count = 0;
      for (const Link& at : links_of(best.slot, layer)) {
        const std::uint32_t link = at.load(std::memory_order_acquire);
        if (link == 0) break;
        scratch.slots[count++] = link - 1;
      }
      scorer(scratch.slots.data(), count, scratch.keys.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (scratch.keys[i] <= best.key) continue;
        best = {scratch.keys[i], scratch.slots[i]};
        moved = true;
      }
    }
  }
  return best;
}

inline void HnswGraph::ask_for_links(std::uint32_t slot, std::size_t layer) const noexcept {
  constexpr std::size_t kLineLinks = 64 / sizeof(Link);
  const std::span<const Link> links = links_of(slot, layer);
  for (std::size_t at = 0; at < links.size(); at += kLineLinks) __builtin_prefetch(&links[at]);
}

// Of the nodes that the slot leads to and that were not seen yet.
void HnswGraph::ask_for_rows_behind(std::uint32_t slot, std::size_t layer, const Scorer& scorer,
                                    const SearchScratch& scratch) const noexcept {
  std::size_t room = std::max<std::size_t>(kMostLinesAsked / scorer.row_lines(), 1);
  for (const Link& next : links_of(slot, layer)) {
    const std::uint32_t link = next.load(std::memory_order_acquire);
    if (link == 0) return;
    if (scratch.visited.has(link - 1)) continue;
    if (room-- == 0) return;
    scorer.ask(link - 1);
  }
}

// The pool is one sorted list of the ef nearest seen, expanded or not: the next to expand is the first that is not, and
// the search ends when there is none. Waiting for memory is most of a walk, so a node's links are asked for as soon as
// it is in the pool, and the rows behind the next one to expand while those of this one are scored.
void HnswGraph::search_layer(const Scorer& scorer, Candidate from, std::size_t layer, std::size_t ef,
                             SearchScratch& scratch) const {
  auto& pool = scratch.pool;
  pool.clear();
  pool.reserve(ef + 1);
  pool.push_back(from);
  scratch.visited.make_room(slots_.load(std::memory_order_acquire));
  scratch.visited.mark(from.slot);
  const std::size_t most_links = layer == 0 ? 2 * params_.hnsw.m : params_.hnsw.m;
  scratch.slots.resize(std::max(scratch.slots.size(), most_links));
  scratch.keys.resize(scratch.slots.size());
  std::uint32_t* slots = scratch.slots.data();
  float* keys = scratch.keys.data();
  for (std::size_t at = 0; at < pool.size();) {
    if ((pool[at].slot & kExpanded) != 0) {
      ++at;
      continue;
    }
    const std::uint32_t node = pool[at].slot;
    pool[at].slot |= kExpanded;
    std::size_t count = 0;
    for (const Link& next : links_of(node, layer)) {
      const std::uint32_t link = next.load(std::memory_order_acquire);
      if (link == 0) break;
      if (scratch.visited.mark(link - 1)) slots[count++] = link - 1;
    }
    std::size_t after = at + 1;
    while (after < pool.size() && (pool[after].slot & kExpanded) != 0) ++after;
    if (after < pool.size()) ask_for_rows_behind(pool[after].slot, layer, scorer, scratch);
    scorer(slots, count, keys);
    std::size_t lowest = at + 1;
    for (std::size_t i = 0; i < count; ++i) {
      if (pool.size() == ef) {
        if (keys[i] <= pool.back().key) continue;
        pool.pop_back();
      }
      ask_for_links(slots[i], layer);
      const std::size_t place = place_of(keys[i], pool);
      lowest = std::min(lowest, place);
      pool.insert(pool.begin() + static_cast<std::ptrdiff_t>(place), {keys[i], slots[i]});
    }
    at = lowest;
  }
  for (Candidate& candidate : pool) candidate.slot &= ~kExpanded;
  scratch.visited.clear();
}

ErrorTerms HnswGraph::walk(const float* query, std::size_t ef, SearchScratch& scratch) const {
  scratch.pool.clear();
  const Entry from = entry();
  if (from.link == 0) return {};
  const Scorer scorer(*this, query, scratch.query_code);
  search_layer(scorer, descend(scorer, from, 0, scratch), 0, ef, scratch);
  return scorer.terms();
}

}  // namespace semroute::core
