// Index: its graph to a file, and an index made with the graph of a file (graph_image.h).
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/in_threads.h"
#include "core/index/graph_image.h"
#include "core/index/index_impl.h"

namespace semroute::core {
namespace {

constexpr std::size_t kRowsAtATime = 1'024;  // of those that an image has not

// Which slot of an image has a vector's content. Each slot is given once; among equal ones any.
class Contents {
 public:
  explicit Contents(std::vector<std::uint64_t> contents, const std::vector<bool>& is_node)
      : contents_(std::move(contents)), taken_(contents_.size()), cursors_(contents_.size()) {
    for (std::uint32_t slot = 0; slot < contents_.size(); ++slot)
      if (is_node[slot]) order_.push_back(slot);
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
      return contents_[a] < contents_[b] || (contents_[a] == contents_[b] && a < b);
    });
  }

  // Any thread. `guess` may be any number: vectors mostly come in the order of their slots.
  [[nodiscard]] std::uint32_t take(std::uint64_t content, std::uint32_t guess) noexcept {
    if (guess < contents_.size() && contents_[guess] == content && claim(guess)) return guess;
    const auto first = std::lower_bound(order_.begin(), order_.end(), content,
                                        [this](std::uint32_t slot, auto wanted) { return contents_[slot] < wanted; });
    const auto begin = static_cast<std::size_t>(first - order_.begin());
    if (begin == order_.size() || contents_[order_[begin]] != content) return kNoSlot;
    // Thousands may be equal: where the search for one that is left goes on.
    std::atomic<std::uint32_t>& cursor = cursors_[begin];
    for (std::size_t i = begin + cursor.fetch_add(1); i < order_.size() && contents_[order_[i]] == content;
         i = begin + cursor.fetch_add(1))
      if (claim(order_[i])) return order_[i];
    cursor.fetch_sub(1);
    return kNoSlot;
  }
  [[nodiscard]] bool is_taken(std::uint32_t slot) const noexcept { return taken_[slot].load() != 0; }
  [[nodiscard]] std::size_t node_count() const noexcept { return order_.size(); }

 private:
  [[nodiscard]] bool claim(std::uint32_t slot) noexcept {
    std::uint8_t free = 0;
    return taken_[slot].compare_exchange_strong(free, 1);
  }

  std::vector<std::uint64_t> contents_;
  std::vector<std::uint32_t> order_;  // nodes by content
  std::vector<std::atomic<std::uint8_t>> taken_;
  std::vector<std::atomic<std::uint32_t>> cursors_;
};

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
  auto opened = GraphImageReader::open(file);
  if (!opened.ok()) return opened.error();
  const GraphImageReader& image = opened.value();
  const GraphImageHeader& header = image.header();
  if (!header.is_like(params) || params.algorithm == Algorithm::flat)
    return Error{ErrorCode::conflict, file.path() + " has the graph of an index with other parameters"};
  auto created = create(params, kernels);
  if (!created.ok()) return created.error();
  std::unique_ptr<Index> index = std::move(created).value();
  Impl& impl = *index->impl_;
  if (ids.size() > params.capacity)
    return Error{ErrorCode::resource_exhausted,
                 "the index is full: its capacity is " + std::to_string(params.capacity) + " references"};
  if (header.slots > impl.table->most_slots())
    return Error{ErrorCode::conflict, file.path() + " has the graph of an index of a larger capacity"};
  // Its sections are at least so long: a header alone makes nobody ask for memory.
  if (auto slots = image.check_slots(); !slots.ok()) return slots.error();
  if (auto made = impl.table->make_slots(header.slots); !made.ok()) return made.error();
  if (!impl.graph) {
    auto graph = HnswGraph::make(params, *impl.table);
    if (!graph.ok()) return graph.error();
    impl.graph = std::move(graph).value();
  }
  if (!impl.graph->grow(header.slots))
    return Error{ErrorCode::resource_exhausted,
                 "no memory for links of more than " + std::to_string(header.slots) + " references"};
  if (auto loaded = impl.graph->load(image); !loaded.ok()) return loaded.error();
  std::vector<std::uint64_t> numbers(header.slots);
  if (auto read = image.read(GraphSection::contents, std::as_writable_bytes(std::span(numbers))); !read.ok())
    return read.error();

  std::vector<bool> is_node(header.slots);
  for (std::uint32_t slot = 0; slot < header.slots; ++slot) is_node[slot] = impl.graph->is_node(slot);
  Contents contents(std::move(numbers), is_node);
  std::vector<std::uint32_t> slots(ids.size());
  in_threads(ids.size(), threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> vector(params.dimension);
    auto guess = static_cast<std::uint32_t>(begin);
    for (std::size_t i = begin; i < end; ++i) {
      row(i, vector);
      slots[i] = contents.take(content_of(vector), guess);
      if (slots[i] == kNoSlot) continue;
      impl.table->fill(slots[i], ids[i], vector.data());
      guess = slots[i] + 1;
    }
  });
  std::vector<std::size_t> others;  // that the image has not
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (slots[i] == kNoSlot) others.push_back(i);
  std::erase(slots, kNoSlot);
  if (slots.size() * 2 < std::max(ids.size(), contents.node_count()))
    return Error{ErrorCode::conflict, file.path() + " has the graph of other vectors: " + std::to_string(slots.size()) +
                                          " of " + std::to_string(ids.size()) + " are in it"};
  if (auto opened_slots = impl.table->open(slots, is_node, threads); !opened_slots.ok()) return opened_slots.error();
  impl.has_graph.store(true);
  impl.walking.store(true);
  for (std::uint32_t slot = 0; slot < header.slots; ++slot) {
    if (!is_node[slot] || contents.is_taken(slot)) continue;
    impl.graph->mark_dead(slot);
    impl.deaths.push_back(impl.table->death_of(slot));
  }
  if (!impl.deaths.empty()) impl.repair();

  if (auto inserted = insert_positions(*index, others, ids, row, threads); !inserted.ok()) return inserted.error();
  impl.measure_if_due();
  return index;
}

}  // namespace semroute::core
