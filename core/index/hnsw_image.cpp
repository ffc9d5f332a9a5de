// HnswGraph: to a file and back (graph_image.h).
#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/in_threads.h"
#include "core/index/hnsw_graph.h"

namespace semroute::core {

std::span<std::byte> HnswGraph::bytes_of(GraphSection section) const noexcept {
  const std::size_t slots = slots_.load(std::memory_order_relaxed);
  switch (section) {
    case GraphSection::contents: return {};
    case GraphSection::layers: return {layers_.as<std::byte>(), slots};
    case GraphSection::base_links: return {base_.as<std::byte>(), slots * base_stride_ * sizeof(Link)};
    case GraphSection::upper_links: return {upper_links_.as<std::byte>(), upper_blocks_ * upper_stride_ * sizeof(Link)};
    case GraphSection::twins: return {twins_.as<std::byte>(), slots * sizeof(Link)};
    case GraphSection::squared_norms:
      return {squared_norms_.as<std::byte>(), params_.metric == Metric::dot ? slots * sizeof(float) : 0};
  }
  return {};
}

Result<void> HnswGraph::save(GraphImageWriter& image, GraphImageHeader& header) const {
  SEMROUTE_CHECK(dead_count() == 0);
  header.slots = slots_.load(std::memory_order_relaxed);
  header.entry = entry_.load(std::memory_order_relaxed);
  header.largest_squared_norm = largest_squared_norm_.load(std::memory_order_relaxed);
  for (const GraphSection section : kOwnSections)
    if (auto added = image.add(section, bytes_of(section)); !added.ok()) return added;
  return {};
}

Result<void> HnswGraph::load(const GraphImageReader& image, std::size_t threads) {
  const GraphImageHeader& header = image.header();
  SEMROUTE_CHECK(slots_.load() == header.slots);
  for (const GraphSection section : kOwnSections)
    if (auto read = image.read(section, bytes_of(section), threads); !read.ok()) return read;
  entry_.store(header.entry);
  largest_squared_norm_.store(header.largest_squared_norm);
  if (const std::string problem = find_problem(threads); !problem.empty()) return image.damage(problem);
  return {};
}

// Whether a link leads to a node that has lists on the layer.
bool HnswGraph::stands_on(std::uint32_t link, std::size_t layer) const noexcept {
  return link <= slots_.load(std::memory_order_relaxed) && !is_twin(link - 1) && layers_of(link - 1) > layer;
}

// Of some slots.
struct HnswGraph::Looked {
  std::uint32_t begin = 0;
  std::size_t nodes = 0;
  std::string problem;  // of the first slot that has one
};

void HnswGraph::look_at(std::uint32_t begin, std::uint32_t end, Looked& looked) const {
  looked.begin = begin;
  for (std::uint32_t slot = begin; slot < end; ++slot) {
    if (!is_node(slot)) continue;
    ++looked.nodes;
    if (layers_of(slot) != draw_layers(slot)) {
      looked.problem = "slot " + std::to_string(slot) + " is on layers that it has not";
      return;
    }
    if (is_twin(slot)) continue;
    for (std::size_t layer = 0; layer < layers_of(slot); ++layer)
      for (const Link& next : links_of(slot, layer)) {
        const std::uint32_t link = next.load(std::memory_order_relaxed);
        if (link == 0) break;
        if (!stands_on(link, layer)) {
          looked.problem = "a link of slot " + std::to_string(slot) + " leads to no node of its layer";
          return;
        }
      }
  }
}

// What a walk relies on, whoever wrote the file.
std::string HnswGraph::find_problem(std::size_t threads) const {
  const std::size_t slots = slots_.load(std::memory_order_relaxed);
  const Entry from = entry();
  if (from.link != 0 && (from.layers == 0 || !stands_on(from.link, from.layers - 1)))
    return "its entry is no node of so many layers";
  std::mutex mutex;
  std::vector<Looked> parts;
  in_threads(slots, threads, [&](std::size_t begin, std::size_t end) {
    Looked looked;
    look_at(static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), looked);
    const std::lock_guard lock(mutex);
    parts.push_back(std::move(looked));
  });
  std::ranges::sort(parts, {}, &Looked::begin);
  std::size_t nodes = 0;
  for (const Looked& part : parts) {
    if (!part.problem.empty()) return part.problem;
    nodes += part.nodes;
  }
  return nodes > 0 && from.link == 0 ? "it has nodes and no entry" : find_twin_problem();
}

// Every twin hangs on one node, so that lists end.
std::string HnswGraph::find_twin_problem() const {
  const auto slots = static_cast<std::uint32_t>(slots_.load(std::memory_order_relaxed));
  std::vector<bool> hangs(slots);
  const auto* next_twin = twins_.as<Link>();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    if (!is_node(slot) || is_twin(slot)) continue;
    for (std::uint32_t link = next_twin[slot].load(); link != 0; link = next_twin[link - 1].load()) {
      if (link > slots || !is_twin(link - 1) || hangs[link - 1])
        return "slot " + std::to_string(slot) + " has a twin that is none of its own";
      hangs[link - 1] = true;
    }
  }
  for (std::uint32_t slot = 0; slot < slots; ++slot)
    if (is_node(slot) && is_twin(slot) && !hangs[slot]) return "a twin hangs on no node";
  return "";
}

}  // namespace semroute::core
