#include "core/index/index.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/check.h"
#include "core/index/flat_scan.h"
#include "core/index/graph_search.h"
#include "core/index/index_impl.h"
#include "core/index/top_k.h"
#include "core/index/vector_rules.h"

namespace semroute::core {
namespace {

// Dead nodes are taken out when this share of all is dead: one look at every list then serves many of them.
constexpr std::size_t kDeadShare = 32;
constexpr std::size_t kFewestDead = 64;
// A node linked at a time by each thread of a batch or of the background; between them repair may run.
constexpr std::size_t kLinksAtATime = 16;
constexpr std::size_t kIdsAtATime = 64;

Result<void> check_halves(std::span<const ReferenceId> ids, const float* const* rows, std::size_t dimension) {
  for (std::size_t row = 0; row < ids.size(); ++row)
    if (const auto i = first_beyond_halves({rows[row], dimension}))
      return Error{ErrorCode::bad_vector, "number " + std::to_string(*i) +
                                              " of the vector is beyond what half floats hold (" +
                                              "65504); use rerank f32, or scale the vectors"};
  return {};
}

}  // namespace

// Links slots that are claimed or of the caller's own, `threads` at once.
void Index::Impl::link_all(std::span<const std::uint32_t> slots, std::size_t threads) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    const auto reading = readers.begin();
    for (std::size_t i = next.fetch_add(1); i < slots.size(); i = next.fetch_add(1))
      graph->link(slots[i], reading.scratch());
  };
  std::vector<std::thread> helpers;
  const std::size_t most = std::min(threads, slots.size());
  for (std::size_t i = 1; i < most; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

Result<void> Index::Impl::insert(std::span<const ReferenceId> ids, const float* const* rows, std::size_t threads) {
  if (params.rerank == Rerank::f16)
    if (auto checked = check_halves(ids, rows, params.dimension); !checked.ok()) return checked;
  std::vector<std::uint32_t> slots;
  std::vector<std::uint32_t> replaced;
  {
    const std::shared_lock<std::shared_mutex> link_lock(linking);
    {
      const std::lock_guard<std::mutex> lock(writing);
      if (auto added = table->add(ids, rows, slots); !added.ok()) return added;
      if (graph) {
        if (!graph->grow(table->end())) {
          table->take_back(slots);
          return Error{ErrorCode::resource_exhausted,
                       "no memory for links of more than " + std::to_string(table->count()) + " references"};
        }
        for (const std::uint32_t slot : slots) graph->claim(slot);
      }
    }
    if (graph) link_all(slots, threads);
    const std::lock_guard<std::mutex> lock(writing);
    table->publish(slots, replaced);
    retire(replaced);
  }
  measure_if_due();
  start_graph_if_due();
  repair_if_due();
  return {};
}

// Slots that are no longer alive: nodes wait for repair. Under `writing`.
void Index::Impl::retire(std::span<const std::uint32_t> slots) {
  std::vector<std::uint32_t> free;
  for (const std::uint32_t slot : slots) {
    if (graph && graph->is_node(slot)) {
      graph->mark_dead(slot);
      deaths.push_back(table->death_of(slot));
    } else {
      free.push_back(slot);
    }
  }
  table->release(free);
}

std::size_t Index::Impl::remove(std::span<const ReferenceId> ids) {
  std::vector<std::uint32_t> killed;
  {
    const std::shared_lock<std::shared_mutex> link_lock(linking);
    const std::lock_guard<std::mutex> lock(writing);
    killed = table->kill(ids);
    retire(killed);
  }
  repair_if_due();
  return killed.size();
}

// How many nodes no reader can see any more.
std::size_t Index::Impl::leaving(Epoch oldest) {
  const std::lock_guard<std::mutex> lock(writing);
  return static_cast<std::size_t>(std::ranges::upper_bound(deaths, oldest) - deaths.begin());
}

void Index::Impl::repair_if_due() {
  if (!has_graph.load(std::memory_order_acquire)) return;
  const auto is_due = [this](std::size_t dead) { return dead >= std::max(kFewestDead, table->count() / kDeadShare); };
  if (!is_due(graph->dead_count()) || !is_due(leaving(readers.oldest()))) return;
  const std::unique_lock<std::shared_mutex> link_lock(linking);
  if (is_due(leaving(readers.oldest()))) repair();
}

void Index::Impl::repair() {
  const Epoch oldest = readers.oldest();
  const auto reading = readers.begin();
  const std::vector<std::uint32_t> taken_out = graph->repair(oldest, reading.scratch());
  const std::lock_guard<std::mutex> lock(writing);
  deaths.erase(deaths.begin(), std::ranges::upper_bound(deaths, oldest));
  table->release(taken_out);
}

// Costs are measured again whenever the table has doubled.
void Index::Impl::measure_if_due() {
  const auto is_due = [this] { return table->count() >= measure_from.load(std::memory_order_relaxed); };
  if (params.algorithm == Algorithm::flat || !is_due()) return;
  const std::unique_lock<std::mutex> lock(measuring, std::try_to_lock);
  if (lock.owns_lock() && is_due()) measure();
}

// Searches go on by guesses meanwhile. Precondition: nobody else has the index yet, and it has its graph.
void Index::Impl::measure_beside() {
  SEMROUTE_CHECK(!builder.joinable() && has_graph.load());
  builder = std::thread([this] { measure_if_due(); });
}

// Under `measuring`.
void Index::Impl::measure() {
  const auto reading = readers.begin();
  costs.measure(*table, graph_to_walk(), reading);
  measure_from.store(2 * table->count(), std::memory_order_relaxed);
}

void Index::Impl::start_graph_if_due() {
  if (params.algorithm != Algorithm::automatic || has_graph.load(std::memory_order_acquire)) return;
  const std::size_t count = table->count();
  const bool is_due =
      params.graph_from > 0
          ? count >= params.graph_from
          : count >= kFewestForGraph && costs.scan_ns(count) > kWalkAdvantage * costs.walk_ns(params.hnsw.ef_search);
  if (!is_due) return;
  const std::unique_lock<std::shared_mutex> link_lock(linking);
  const std::lock_guard<std::mutex> lock(writing);
  if (graph || no_memory_for_graph) return;
  auto made = HnswGraph::make(params, *table);
  // Without address space or memory for a graph, scanning goes on: slower, and right.
  if (!made.ok() || !made.value()->grow(table->end())) {
    no_memory_for_graph = true;
    return;
  }
  graph = std::move(made).value();
  has_graph.store(true, std::memory_order_release);
  building.store(true);
  builder = std::thread([this, end = table->end()] { build_in_background(end); });
}

// Slots below `end` that were there when the graph was made; those that came later link themselves.
void Index::Impl::build_in_background(std::uint32_t end) {
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency() / 2);
  const std::size_t chunk = kLinksAtATime * threads;
  std::vector<std::uint32_t> slots;
  for (std::uint32_t first = 0; first < end && !stopping.load(std::memory_order_relaxed);) {
    const std::shared_lock<std::shared_mutex> link_lock(linking);
    slots.clear();
    {
      const std::lock_guard<std::mutex> lock(writing);
      for (; first < end && slots.size() < chunk; ++first) {
        if (!table->is_alive(first, readers.now()) || graph->is_node(first)) continue;
        graph->claim(first);
        slots.push_back(first);
      }
    }
    link_all(slots, threads);
  }
  if (!stopping.load(std::memory_order_relaxed)) {
    walking.store(true, std::memory_order_release);
    const std::lock_guard<std::mutex> lock(measuring);
    measure();
  }
  building.store(false);
  building.notify_all();
}

// Walks where that is expected to be cheaper than looking at every row that passes.
std::size_t Index::Impl::search(const float* query, std::span<Hit> hits, const SearchOptions& options,
                                const Readers::Reading& reading) const {
  const IdSet* filter = options.filter;
  const std::size_t count = table->count();
  const std::size_t passing = filter == nullptr ? count : std::min(filter->count(), count);
  // Ids that are not in the table may be most of a filter.
  const bool look_up = filter != nullptr && filter->count() <= count;
  if (const HnswGraph* walked = graph_to_walk(); walked != nullptr && passing > 0) {
    const std::size_t ef = std::max({options.ef_search != 0 ? options.ef_search : params.hnsw.ef_search, hits.size()});
    // ef of those that pass, and a few for those that are dead.
    const std::size_t widened = ef * (count + walked->dead_count()) / passing + (walked->dead_count() > 0 ? 1 : 0);
    const bool is_forced = params.algorithm == Algorithm::hnsw && filter == nullptr;
    if (is_forced || costs.walk_ns(widened) < (look_up ? costs.look_up_ns(passing) : costs.scan_ns(count))) {
      const std::size_t found = search_graph(*table, *walked, params, query, widened, hits, filter, reading);
      if (found == hits.size()) return found;
    }
  }
  if (look_up) return scan_few(*table, params.metric, query, hits, *filter, reading);
  return scan_all(*table, params.metric, query, hits, filter, reading);
}

Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::create(const IndexParams& params, const Kernels& kernels) {
  if (auto checked = check_params(params); !checked.ok()) return checked.error();
  auto impl = std::make_unique<Impl>(params);
  auto table = VectorTable::make(params, impl->readers, kernels);
  if (!table.ok()) return table.error();
  impl->table = std::move(table).value();
  if (params.algorithm == Algorithm::hnsw) {
    auto graph = HnswGraph::make(params, *impl->table);
    if (!graph.ok()) return graph.error();
    impl->graph = std::move(graph).value();
    impl->has_graph.store(true);
    impl->walking.store(true);
  }
  return std::unique_ptr<Index>(new Index(std::move(impl)));
}

const IndexParams& Index::params() const noexcept { return impl_->params; }
std::size_t Index::count() const noexcept { return impl_->table->count(); }
bool Index::walks() const noexcept { return impl_->walking.load(std::memory_order_acquire); }

bool Index::approximate() const noexcept {
  const auto reading = impl_->readers.begin();
  return impl_->table->rows().full == nullptr || impl_->params.rerank == Rerank::none;
}

IndexBytes Index::bytes() const noexcept {
  const std::lock_guard<std::mutex> lock(impl_->writing);
  IndexBytes bytes = impl_->table->bytes();
  if (impl_->has_graph.load(std::memory_order_acquire)) bytes.graph = impl_->graph->bytes();
  bytes.other += impl_->readers.scratch_bytes();
  return bytes;
}

Result<void> Index::insert(ReferenceId id, std::span<const float> vector) {
  SEMROUTE_CHECK(vector.size() == impl_->params.dimension);
  const float* row = vector.data();
  return impl_->insert({&id, 1}, &row, 1);
}

Result<void> Index::insert(std::span<const ReferenceId> ids, std::span<const float> rows, std::size_t threads) {
  const std::size_t dimension = impl_->params.dimension;
  SEMROUTE_CHECK(rows.size() == ids.size() * dimension);
  if (ids.empty()) return {};
  // The last row of an id that is given twice is the one that counts.
  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) != ids.end()) {
    std::stable_sort(order.begin(), order.end(), [ids](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
    const auto last =
        std::unique(order.rbegin(), order.rend(), [ids](std::size_t a, std::size_t b) { return ids[a] == ids[b]; });
    order.erase(order.begin(), last.base());
    std::sort(order.begin(), order.end());
  }
  std::vector<ReferenceId> distinct(order.size());
  std::vector<const float*> pointers(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    distinct[i] = ids[order[i]];
    pointers[i] = rows.data() + order[i] * dimension;
  }
  return impl_->insert(distinct, pointers.data(), std::max<std::size_t>(threads, 1));
}

std::size_t Index::remove(std::span<const ReferenceId> ids) { return impl_->remove(ids); }

std::size_t Index::search(std::span<const float> query, std::size_t k, std::span<Hit> hits,
                          const SearchOptions& options) const {
  SEMROUTE_CHECK(query.size() == impl_->params.dimension);
  const std::size_t passing = options.filter == nullptr ? count() : std::min(options.filter->count(), count());
  const std::size_t wanted = std::min(k, passing);
  if (wanted == 0) return 0;
  SEMROUTE_CHECK(hits.size() >= wanted);
  const auto reading = impl_->readers.begin();
  const std::size_t found = impl_->search(query.data(), hits.first(wanted), options, reading);
  return found;
}

void Index::search_many(std::span<const float> queries, std::size_t k, std::span<Hit> hits,
                        std::span<std::size_t> counts, const SearchOptions& options) const {
  const std::size_t dimension = impl_->params.dimension;
  SEMROUTE_CHECK(queries.size() == counts.size() * dimension && hits.size() >= counts.size() * k);
  if (walks() || options.filter != nullptr || k > count()) {
    for (std::size_t i = 0; i < counts.size(); ++i)
      counts[i] = search(queries.subspan(i * dimension, dimension), k, hits.subspan(i * k, k), options);
    return;
  }
  const auto reading = impl_->readers.begin();
  scan_all_many(*impl_->table, impl_->params.metric, queries, dimension, k, hits, counts, reading);
}

// Calls visit(first, slots, count, in_order) for some ids at a time: places from ids.first on, and their slots.
template <class Visit>
void Index::Impl::for_slots(IdRange ids, const Readers::Reading& reading, Visit&& visit) const {
  std::uint32_t slots[kIdsAtATime];
  std::uint32_t guess = kNoSlot;  // ids that came together mostly lie together
  for (std::size_t first = 0; first < ids.count; first += kIdsAtATime) {
    const std::size_t some = std::min(kIdsAtATime, ids.count - first);
    bool in_order = true;
    for (std::size_t i = 0; i < some; ++i) {
      const ReferenceId id = ids.first + first + i;
      // Alive first: the id of a slot that is not may be being written.
      const bool guessed = guess < table->end() && table->is_alive(guess, reading.epoch()) && table->id_of(guess) == id;
      slots[i] = guessed ? guess : table->find(id);
      SEMROUTE_CHECK(slots[i] != kNoSlot);
      in_order = in_order && (i == 0 || slots[i] == slots[i - 1] + 1);
      guess = slots[i] + 1;
    }
    visit(first, slots, some, in_order);
  }
}

void Index::score(std::span<const float> query, IdRange ids, std::span<float> scores) const {
  SEMROUTE_CHECK(query.size() == impl_->params.dimension && scores.size() == ids.count);
  const auto reading = impl_->readers.begin();
  const VectorTable::Rows& rows = impl_->table->rows();
  const Metric metric = impl_->params.metric;
  if (rows.full == nullptr) {
    if (ids.count == 0) return;
    std::byte* code = reading.scratch().query_code.make_room(rows.codec->query_bytes());
    (void)rows.codec->prepare(query.data(), code);
    impl_->for_slots(ids, reading, [&](std::size_t first, const std::uint32_t* slots, std::size_t count, bool) {
      float* out = scores.data() + first;
      rows.codec->gather(code, rows.codes->as<std::byte>(), slots, count, out);
      for (std::size_t i = 0; i < count; ++i) out[i] = score_of_key(metric, out[i]);
    });
    return;
  }
  impl_->for_slots(ids, reading, [&](std::size_t first, const std::uint32_t* slots, std::size_t count, bool in_order) {
    float* out = scores.data() + first;
    if (in_order)
      rows.full->scan(query.data(), slots[0], count, out);
    else
      rows.full->gather(query.data(), slots, count, out);
    for (std::size_t i = 0; i < count; ++i) out[i] = score_of(metric, out[i]);
  });
}

bool Index::has_bounds() const noexcept {
  const auto reading = impl_->readers.begin();
  const VectorTable::Rows& rows = impl_->table->rows();
  return rows.full != nullptr && rows.codec != nullptr && rows.codec->proven();
}

void Index::bound(std::span<const float> query, IdRange ids, std::span<float> most) const {
  SEMROUTE_CHECK(query.size() == impl_->params.dimension && most.size() == ids.count);
  const auto reading = impl_->readers.begin();
  const VectorTable::Rows& rows = impl_->table->rows();
  SEMROUTE_CHECK(rows.full != nullptr && rows.codec != nullptr && rows.codec->proven());
  const Metric metric = impl_->params.metric;
  std::byte* code = reading.scratch().query_code.make_room(rows.codec->query_bytes());
  const ErrorTerms terms = rows.codec->prepare(query.data(), code);
  impl_->for_slots(ids, reading, [&](std::size_t first, const std::uint32_t* slots, std::size_t count, bool in_order) {
    float* out = most.data() + first;
    if (in_order)
      rows.codec->scan(code, rows.code(slots[0]), count, out);
    else
      rows.codec->gather(code, rows.codes->as<std::byte>(), slots, count, out);
    for (std::size_t i = 0; i < count; ++i)
      out[i] = score_of_key(metric, out[i] + (terms.per_row_error * *rows.error(slots[i]) + terms.constant));
  });
}

bool Index::read(ReferenceId id, std::span<float> vector) const {
  SEMROUTE_CHECK(vector.size() == impl_->params.dimension);
  const auto reading = impl_->readers.begin();
  const std::uint32_t slot = impl_->table->find(id);
  if (slot == kNoSlot) return false;
  impl_->table->rows().read(slot, vector.data());
  return true;
}

void Index::wait_for_graph() const { impl_->building.wait(true); }

}  // namespace semroute::core
