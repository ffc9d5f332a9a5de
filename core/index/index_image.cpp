// Index: its graph to a file, and an index made with the graph of a file (graph_image.h).
#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/in_threads.h"
#include "core/index/graph_image.h"
#include "core/index/index_impl.h"
#include "core/index/index_restorer.h"

namespace semroute::core {
namespace {

constexpr std::size_t kRowsAtATime = 1'024;  // of those that an image has not

Result<void> insert_positions(Index& index, std::span<const std::size_t> positions, std::span<const ReferenceId> ids,
                              const RowSource& row, std::size_t threads) {
  const std::size_t dimension = index.params().dimension;
  std::vector<ReferenceId> some_ids;
  std::vector<float> rows;
  for (std::size_t first = 0; first < positions.size(); first += kRowsAtATime) {
    const auto some = positions.subspan(first, std::min(kRowsAtATime, positions.size() - first));
    some_ids.clear();
    rows.resize(some.size() * dimension);
    for (std::size_t i = 0; i < some.size(); ++i) {
      some_ids.push_back(ids[some[i]]);
      row(some[i], std::span(rows).subspan(i * dimension, dimension));
    }
    if (auto inserted = index.insert(some_ids, rows, threads); !inserted.ok()) return inserted;
  }
  return {};
}

}  // namespace

Result<void> Index::save_graph(File& file) const {
  Impl& impl = *impl_;
  const std::unique_lock<std::shared_mutex> link_lock(impl.linking);
  if (impl.graph_to_walk() == nullptr) return Error{ErrorCode::not_found, "there is no finished graph to be saved"};
  while (impl.graph->dead_count() > 0) {  // until the searches that may see them have ended
    impl.repair();
    if (impl.graph->dead_count() > 0) std::this_thread::yield();
  }
  GraphImageHeader header;
  header.dimension = static_cast<std::uint32_t>(impl.params.dimension);
  header.metric = static_cast<std::uint32_t>(impl.params.metric);
  header.m = static_cast<std::uint32_t>(impl.params.hnsw.m);
  header.ef_construction = static_cast<std::uint32_t>(impl.params.hnsw.ef_construction);
  GraphImageWriter image(file);
  if (auto saved = impl.graph->save(image, header); !saved.ok()) return saved;
  std::vector<std::uint64_t> contents(header.slots);
  for (std::uint32_t slot = 0; slot < header.slots; ++slot)
    if (impl.graph->is_node(slot)) contents[slot] = impl.table->content_at(slot);
  if (auto added = image.add(GraphSection::contents, std::as_bytes(std::span(contents))); !added.ok()) return added;
  return image.finish(header);
}

Result<std::unique_ptr<Index>> Index::restore(const IndexParams& params, const File& file,
                                              std::span<const ReferenceId> ids, const RowSource& row,
                                              std::size_t threads, const Kernels& kernels) {
  auto restorer = IndexRestorer::open(params, file, threads, kernels);
  if (!restorer.ok()) return restorer.error();
  if (ids.size() > params.capacity)
    return Error{ErrorCode::resource_exhausted,
                 "the index is full: its capacity is " + std::to_string(params.capacity) + " references"};
  std::vector<std::vector<std::size_t>> others_of;  // that the image has not; in order, a thread's each
  std::mutex mutex;
  in_threads(ids.size(), threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> vector(params.dimension);
    std::vector<std::size_t> others;
    auto near = static_cast<std::uint32_t>(begin);
    for (std::size_t i = begin; i < end; ++i) {
      row(i, vector);
      if (!restorer->add(ids[i], vector, near)) others.push_back(i);
    }
    const std::lock_guard lock(mutex);
    others_of.push_back(std::move(others));
  });
  std::ranges::sort(others_of);
  std::vector<std::size_t> others;
  for (const auto& some : others_of) others.insert(others.end(), some.begin(), some.end());
  auto index = restorer->finish(others.size(), threads);
  if (!index.ok()) return index;
  if (auto inserted = insert_positions(**index, others, ids, row, threads); !inserted.ok()) return inserted.error();
  (*index)->impl_->measure_if_due();
  return index;
}

}  // namespace semroute::core
