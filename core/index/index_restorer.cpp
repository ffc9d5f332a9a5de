#include "core/index/index_restorer.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/index/graph_image.h"
#include "core/index/index_impl.h"
#include "core/index/vector_rules.h"

namespace semroute::core {
namespace {

// Which slot of an image has a vector's content. Each slot is given once; among equal ones any. Vectors mostly come in
// the order of their slots; a table of where each content is is made when the first one does not.
class Contents {
 public:
  // Slots that are no node are never given.
  Contents(std::vector<std::uint64_t> contents, std::vector<bool> is_node)
      : contents_(std::move(contents)), is_node_(std::move(is_node)), taken_(contents_.size()) {}

  // Any thread. `guess` may be any number.
  [[nodiscard]] std::uint32_t take(std::uint64_t content, std::uint32_t guess) {
    if (guess < contents_.size() && is_node_[guess] && contents_[guess] == content && claim(guess)) return guess;
    std::call_once(has_table_, [this] { make_table(); });
    std::atomic<std::uint32_t>& first = firsts_[bucket_of(content)];
    for (std::uint32_t slot = first.load(); slot != kNoSlot; slot = first.load()) {
      if (claim(slot)) return slot;
      first.compare_exchange_strong(slot, next_[slot]);  // the list only ever gets shorter
    }
    return kNoSlot;
  }
  // Another one may have it then.
  void give_back(std::uint32_t slot) noexcept { taken_[slot].store(0); }
  [[nodiscard]] bool is_taken(std::uint32_t slot) const noexcept { return taken_[slot].load() != 0; }
  [[nodiscard]] const std::vector<bool>& is_node() const noexcept { return is_node_; }

 private:
  // Slots of equal content are a list; a bucket has the first one of it.
  void make_table() {
    mask_ = std::bit_ceil(2 * contents_.size() + 1) - 1;
    heads_.assign(mask_ + 1, kNoSlot);
    firsts_ = std::vector<std::atomic<std::uint32_t>>(mask_ + 1);
    for (std::atomic<std::uint32_t>& first : firsts_) first.store(kNoSlot, std::memory_order_relaxed);
    next_.assign(contents_.size(), kNoSlot);
    for (auto slot = static_cast<std::uint32_t>(contents_.size()); slot-- > 0;) {
      if (!is_node_[slot]) continue;
      const std::size_t bucket = bucket_of(contents_[slot]);
      next_[slot] = firsts_[bucket].load(std::memory_order_relaxed);
      heads_[bucket] = slot;
      firsts_[bucket].store(slot, std::memory_order_relaxed);
    }
  }
  // That of the content, or the empty one where it would be. heads_ say whose it is when its list is used up.
  [[nodiscard]] std::size_t bucket_of(std::uint64_t content) const noexcept {
    std::size_t at = (content ^ content >> 32U) & mask_;
    while (heads_[at] != kNoSlot && contents_[heads_[at]] != content) at = (at + 1) & mask_;
    return at;
  }
  [[nodiscard]] bool claim(std::uint32_t slot) noexcept {
    std::uint8_t free = 0;
    return taken_[slot].compare_exchange_strong(free, 1);
  }

  std::vector<std::uint64_t> contents_;
  std::vector<bool> is_node_;
  std::vector<std::atomic<std::uint8_t>> taken_;
  std::once_flag has_table_;
  std::size_t mask_ = 0;
  std::vector<std::uint32_t> heads_;
  std::vector<std::atomic<std::uint32_t>> firsts_;
  std::vector<std::uint32_t> next_;
};

}  // namespace

struct IndexRestorer::State {
  State(std::unique_ptr<Index> made, std::string file, std::vector<std::uint64_t> numbers, std::vector<bool> is_node)
      : index(std::move(made)), path(std::move(file)), contents(std::move(numbers), std::move(is_node)) {}

  std::unique_ptr<Index> index;
  std::string path;
  Contents contents;
};

IndexRestorer::IndexRestorer(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexRestorer::IndexRestorer(IndexRestorer&&) noexcept = default;
IndexRestorer::~IndexRestorer() = default;

Result<IndexRestorer> IndexRestorer::open(const IndexParams& params, const File& file, std::size_t threads,
                                          const Kernels& kernels) {
  auto opened = GraphImageReader::open(file);
  if (!opened.ok()) return opened.error();
  const GraphImageReader& image = opened.value();
  const GraphImageHeader& header = image.header();
  if (!header.is_like(params) || params.algorithm == Algorithm::flat)
    return Error{ErrorCode::conflict, file.path() + " has the graph of an index with other parameters"};
  auto created = Index::create(params, kernels);
  if (!created.ok()) return created.error();
  std::unique_ptr<Index> index = std::move(created).value();
  Index::Impl& impl = *index->impl_;
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
  if (auto loaded = impl.graph->load(image, threads); !loaded.ok()) return loaded.error();
  std::vector<std::uint64_t> numbers(header.slots);
  if (auto read = image.read(GraphSection::contents, std::as_writable_bytes(std::span(numbers)), threads); !read.ok())
    return read.error();
  std::vector<bool> is_node(header.slots);
  for (std::uint32_t slot = 0; slot < header.slots; ++slot) is_node[slot] = impl.graph->is_node(slot);
  return IndexRestorer(std::make_unique<State>(std::move(index), file.path(), std::move(numbers), std::move(is_node)));
}

std::uint32_t IndexRestorer::place(std::span<const float> vector, std::uint32_t& near) {
  // Insert refuses it, and says why.
  if (state_->index->impl_->params.rerank == Rerank::f16 && first_beyond_halves(vector)) return kNoSlot;
  const std::uint64_t content = content_of(vector);
  const std::uint32_t slot = state_->contents.take(content, near);
  if (slot == kNoSlot) return slot;
  state_->index->impl_->table->fill(slot, vector.data(), content);
  near = slot + 1;
  return slot;
}

void IndexRestorer::name(std::uint32_t slot, ReferenceId id) { state_->index->impl_->table->name(slot, id); }

void IndexRestorer::forget(std::uint32_t slot) { state_->contents.give_back(slot); }

bool IndexRestorer::add(ReferenceId id, std::span<const float> vector, std::uint32_t& near) {
  const std::uint32_t slot = place(vector, near);
  if (slot != kNoSlot) name(slot, id);
  return slot != kNoSlot;
}

std::size_t IndexRestorer::slots() const noexcept { return state_->contents.is_node().size(); }

Result<std::unique_ptr<Index>> IndexRestorer::finish(std::size_t others, std::size_t threads) {
  Index::Impl& impl = *state_->index->impl_;
  const std::vector<bool>& is_node = state_->contents.is_node();
  const auto slots = static_cast<std::uint32_t>(is_node.size());
  std::vector<std::uint32_t> filled;
  std::size_t nodes = 0;
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    nodes += is_node[slot] ? 1 : 0;
    if (state_->contents.is_taken(slot)) filled.push_back(slot);
  }
  if (filled.size() * 2 < std::max(filled.size() + others, nodes))
    return Error{ErrorCode::conflict, state_->path +
                                          " has the graph of other vectors: " + std::to_string(filled.size()) + " of " +
                                          std::to_string(filled.size() + others) + " are in it"};
  if (filled.size() + others > impl.params.capacity)
    return Error{ErrorCode::resource_exhausted,
                 "the index is full: its capacity is " + std::to_string(impl.params.capacity) + " references"};
  if (auto opened = impl.table->open(filled, is_node, threads); !opened.ok()) return opened.error();
  impl.has_graph.store(true);
  impl.walking.store(true);
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    if (!is_node[slot] || state_->contents.is_taken(slot)) continue;
    impl.graph->mark_dead(slot);
    impl.deaths.push_back(impl.table->death_of(slot));
  }
  if (!impl.deaths.empty()) impl.repair();
  if (others == 0) impl.measure_beside();
  return std::move(state_->index);
}

}  // namespace semroute::core
