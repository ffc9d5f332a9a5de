#include "core/index/graph_search.h"

#include <algorithm>
#include <cmath>

#include "core/index/best_hits.h"

namespace semroute::core {
namespace {

// How far below what is needed an estimate may be and its row still be scored in full. A proven bound adds up every
// rounding in the worst way; roundings are independent, so their sum stays, with few exceptions, within this many
// standard deviations of about bound / sqrt(dimension).
constexpr float kDeviations = 4.0F;

float margin_of(const Codec& codec, const ErrorTerms& terms, float error) {
  const float bound = terms.per_row_error * error + terms.constant;
  if (!codec.proven()) return bound;
  return bound * std::min(1.0F, kDeviations / std::sqrt(static_cast<float>(codec.dimension())));
}

}  // namespace

std::size_t search_graph(const VectorTable& table, const HnswGraph& graph, const IndexParams& params,
                         const float* query, std::size_t ef, std::span<Hit> hits, const IdSet* filter,
                         const Readers::Reading& reading) {
  constexpr std::size_t kBatch = 16;
  const VectorTable::Rows& rows = table.rows();
  const ErrorTerms terms = graph.walk(query, ef, reading.scratch());
  auto& pool = reading.scratch().pool;
  const auto passes = [&](std::uint32_t slot) {
    return table.is_alive(slot, reading.epoch()) && (filter == nullptr || filter->contains(table.id_of(slot)));
  };
  // A repair may be handing the twins of a dead node to others, or making nodes of them: they may be met twice then.
  bool may_repeat = false;
  std::erase_if(pool, [&](const Candidate& c) {
    if (passes(c.slot)) return false;
    bool any = false;
    graph.for_twins(c.slot, [&](std::uint32_t twin) { any = any || passes(twin); });
    may_repeat = may_repeat || any;
    return !any;
  });
  VisitedSet& offered = reading.scratch().visited;
  BestHits best(table, params.metric, hits);
  const auto offer_slot = [&](std::uint32_t slot, float key) {
    if (passes(slot) && (!may_repeat || offered.mark(slot))) best.offer(slot, key);
  };
  const auto offer = [&](std::uint32_t node, float key) {
    offer_slot(node, key);
    graph.for_twins(node, [&](std::uint32_t twin) { offer_slot(twin, key); });
  };
  const auto finish = [&] {
    offered.clear();
    return best.finish();
  };
  if (rows.codec == nullptr || rows.full == nullptr) {
    for (const Candidate& c : pool) offer(c.slot, c.key);
    return finish();
  }
  std::uint32_t slots[kBatch];
  float values[kBatch];
  std::size_t count = 0;
  const auto score = [&] {
    rows.full->gather(query, slots, count, values);
    for (std::size_t i = 0; i < count; ++i) offer(slots[i], key_of(params.metric, values[i]));
    count = 0;
  };
  // Errors differ little from row to row, so the first estimate that is too low ends it.
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (i >= hits.size() && count == 0 &&
        pool[i].key + margin_of(*rows.codec, terms, *rows.error(pool[i].slot)) < best.needed())
      break;
    slots[count++] = pool[i].slot;
    if (count == kBatch || i + 1 == pool.size() || i + 1 == hits.size()) score();
  }
  if (count > 0) score();
  return finish();
}

}  // namespace semroute::core
