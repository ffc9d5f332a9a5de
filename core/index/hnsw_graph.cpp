#include "core/index/hnsw_graph.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/check.h"
#include "core/index/hnsw_scorer.h"
#include "core/index/node_lock.h"

namespace semroute::core {
namespace {

constexpr std::size_t kMostLayers = 24;  // with m = 2 one slot in 16 million stands so high
constexpr std::size_t kLineLinks = 16;   // links in a cache line

constexpr std::size_t round_to_lines(std::size_t links) noexcept {
  return (links + kLineLinks - 1) / kLineLinks * kLineLinks;
}

// A number in (0, 1] that looks random and depends on the slot alone, so that the same table makes the same layers.
double uniform_of(std::uint32_t slot) noexcept {
  std::uint64_t x = slot * 0x9E3779B97F4A7C15U + 0xD1B54A32D192ED03U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return static_cast<double>(((x ^ (x >> 31U)) >> 11U) + 1) * 0x1.0p-53;
}

}  // namespace

Result<std::unique_ptr<HnswGraph>> HnswGraph::make(const IndexParams& params, const VectorTable& table) {
  std::unique_ptr<HnswGraph> graph(new HnswGraph(params, table));
  const std::size_t most = table.most_slots();
  auto base = GrowingBlock::reserve(most * graph->base_stride_ * sizeof(Link));
  auto layers = GrowingBlock::reserve(most);
  auto uppers = GrowingBlock::reserve(most * sizeof(std::uint32_t));
  auto upper_links = GrowingBlock::reserve(most * graph->upper_stride_ * sizeof(Link));
  auto twins = GrowingBlock::reserve(most * sizeof(Link));
  auto dead = GrowingBlock::reserve((most / 64 + 1) * sizeof(std::uint64_t));
  auto norms = GrowingBlock::reserve(params.metric == Metric::dot ? most * sizeof(float) : 0);
  if (!base || !layers || !uppers || !upper_links || !twins || !dead || !norms)
    return Error{ErrorCode::resource_exhausted, "there is no address space for a graph of " +
                                                    std::to_string(params.capacity) +
                                                    " references; lower index.capacity"};
  graph->base_ = std::move(*base);
  graph->layers_ = std::move(*layers);
  graph->uppers_ = std::move(*uppers);
  graph->upper_links_ = std::move(*upper_links);
  graph->twins_ = std::move(*twins);
  graph->dead_ = std::move(*dead);
  graph->squared_norms_ = std::move(*norms);
  return graph;
}

HnswGraph::HnswGraph(const IndexParams& params, const VectorTable& table)
    : params_(params),
      table_(table),
      layer_factor_(1.0 / std::log(static_cast<double>(params.hnsw.m))),
      upper_stride_(round_to_lines(params.hnsw.m)),
      base_stride_(round_to_lines(2 * params.hnsw.m)),
      locks_(std::make_unique<std::atomic_flag[]>(kNodeLocks)) {}

HnswGraph::~HnswGraph() = default;

bool HnswGraph::grow(std::size_t slots) {
  const std::size_t before = slots_.load(std::memory_order_relaxed);
  if (slots <= before) return true;
  if (!base_.grow(slots * base_stride_ * sizeof(Link)) || !layers_.grow(slots) ||
      !uppers_.grow(slots * sizeof(std::uint32_t)) || !twins_.grow(slots * sizeof(Link)) ||
      !dead_.grow((slots / 64 + 1) * sizeof(std::uint64_t)))
    return false;
  if (params_.metric == Metric::dot && !squared_norms_.grow(slots * sizeof(float))) return false;
  // A slot stands on the same layers whenever it is used, so its blocks are its own for good.
  std::size_t blocks = upper_blocks_;
  for (std::size_t slot = before; slot < slots; ++slot) {
    uppers_.as<std::uint32_t>()[slot] = static_cast<std::uint32_t>(blocks);
    blocks += draw_layers(static_cast<std::uint32_t>(slot)) - 1;
  }
  if (!upper_links_.grow(blocks * upper_stride_ * sizeof(Link))) return false;
  upper_blocks_ = blocks;
  slots_.store(slots, std::memory_order_release);
  return true;
}

std::span<HnswGraph::Link> HnswGraph::links_of(std::uint32_t slot, std::size_t layer) const noexcept {
  if (layer == 0) return {base_.as<Link>() + slot * base_stride_, 2 * params_.hnsw.m};
  const std::size_t block = uppers_.as<std::uint32_t>()[slot] + (layer - 1);
  return {upper_links_.as<Link>() + block * upper_stride_, params_.hnsw.m};
}

std::size_t HnswGraph::draw_layers(std::uint32_t slot) const noexcept {
  const double uniform = uniform_of(slot);
  // Most stand on one layer, whatever way the logarithm is rounded.
  if (uniform * static_cast<double>(params_.hnsw.m) > 1.0 + 1e-9) return 1;
  const double layer = -std::log(uniform) * layer_factor_;
  return std::min<std::size_t>(static_cast<std::size_t>(layer), kMostLayers - 1) + 1;
}

HnswGraph::Entry HnswGraph::entry() const noexcept {
  const std::uint64_t packed = entry_.load(std::memory_order_acquire);
  return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32U)};
}

void HnswGraph::set_entry(Entry entry) noexcept {
  entry_.store(std::uint64_t{entry.layers} << 32U | entry.link, std::memory_order_release);
}

bool HnswGraph::is_dead(std::uint32_t slot) const noexcept {
  const auto& word = dead_.as<std::atomic<std::uint64_t>>()[slot / 64];
  return (word.load(std::memory_order_relaxed) >> (slot % 64) & 1U) != 0;
}

void HnswGraph::mark_dead(std::uint32_t slot) noexcept {
  dead_.as<std::atomic<std::uint64_t>>()[slot / 64].fetch_or(std::uint64_t{1} << (slot % 64),
                                                             std::memory_order_relaxed);
  dead_count_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t HnswGraph::bytes() const noexcept {
  return base_.bytes() + layers_.bytes() + uppers_.bytes() + upper_links_.bytes() + twins_.bytes() + dead_.bytes() +
         squared_norms_.bytes() + kNodeLocks * sizeof(std::atomic_flag);
}

}  // namespace semroute::core
