#include "router/routes/row_inserter.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/index/vector_rules.h"

namespace semroute::router {
namespace {

constexpr std::size_t kInsertedFloats = std::size_t{32} << 20;  // in one batch
constexpr std::size_t kWatchedRows = 8'192;                     // linked in a second or two

}  // namespace

RowInserter::RowInserter(core::Index& index, core::ReferenceId& next, std::size_t threads, KeptGraph* graph,
                         InsertProgress on_inserted)
    : index_(index), next_(next), threads_(threads), graph_(graph), on_inserted_(std::move(on_inserted)) {
  if (graph == nullptr) return;
  SEMROUTE_CHECK(index.count() == 0);
  auto opened = core::IndexRestorer::open(index.params(), graph->file, threads);
  graph->was_opened = opened.ok();
  if (opened.ok())
    restorer_.emplace(std::move(opened).value());
  else
    graph->problem = opened.error();
}

core::Result<core::IdRange> RowInserter::add(std::span<const float> raw,
                                             const std::function<std::string(std::size_t)>& name) {
  const std::size_t dimension = index_.params().dimension;
  SEMROUTE_CHECK(raw.size() % dimension == 0);
  if (restorer_)
    if (auto placed = place(raw)) return add(std::move(*placed));
  const core::IdRange ids{next_, raw.size() / dimension};
  const auto give_up = [&] {
    const std::size_t waiting = std::min<std::size_t>(next_ - ids.first, waiting_ids_.size());
    waiting_ids_.resize(waiting_ids_.size() - waiting);
    waiting_.resize(waiting_ids_.size() * dimension);
    next_ -= waiting;
    (void)index_.remove(IdRanges({ids.first, static_cast<std::size_t>(next_ - ids.first)}).ids());
  };
  for (std::size_t row = 0; row < ids.count; ++row) {
    const std::size_t begin = waiting_.size();
    waiting_.resize(begin + dimension);
    if (auto done = core::prepare_vector(index_.params().metric, dimension, raw.subspan(row * dimension, dimension),
                                         std::span(waiting_).subspan(begin));
        !done.ok()) {
      waiting_.resize(begin);
      give_up();
      return core::Error{done.error().code, name(row) + done.error().message};
    }
    waiting_ids_.push_back(next_++);
    if (auto done = make_room(); !done.ok()) return done.error();
  }
  return ids;
}

core::Result<core::IdRange> RowInserter::add_prepared(std::span<const float> rows) {
  const std::size_t dimension = index_.params().dimension;
  const core::IdRange ids{next_, rows.size() / dimension};
  waiting_.insert(waiting_.end(), rows.begin(), rows.end());
  while (next_ < ids.first + ids.count) waiting_ids_.push_back(next_++);
  if (auto done = make_room(); !done.ok()) return done.error();
  return ids;
}

std::optional<PlacedRows> RowInserter::place(std::span<const float> raw) {
  if (!restorer_) return std::nullopt;
  const core::IndexParams& params = index_.params();
  SEMROUTE_CHECK(raw.size() % params.dimension == 0);
  PlacedRows rows;
  rows.slots.reserve(raw.size() / params.dimension);
  std::vector<float> row(params.dimension);
  std::uint32_t near = 0;
  for (std::size_t at = 0; at < raw.size(); at += params.dimension) {
    if (!core::prepare_vector(params.metric, params.dimension, raw.subspan(at, params.dimension), row).ok()) {
      forget(rows);
      return std::nullopt;
    }
    rows.slots.push_back(restorer_->place(row, near));
    if (rows.slots.back() == core::kNoSlot) rows.others.insert(rows.others.end(), row.begin(), row.end());
  }
  return rows;
}

core::Result<core::IdRange> RowInserter::add(PlacedRows rows) {
  SEMROUTE_CHECK(restorer_.has_value());
  // What the graph has not waits in memory until the end, when most of it not being there is an error anyhow.
  if (waiting_ids_.size() > restorer_->slots()) {
    graph_->problem =
        core::Error{core::ErrorCode::conflict, graph_->file.path() + " has the graph of far fewer vectors"};
    return *graph_->problem;
  }
  const core::IdRange ids{next_, rows.slots.size()};
  for (const std::uint32_t slot : rows.slots) {
    if (slot == core::kNoSlot) {
      waiting_ids_.push_back(next_++);
    } else {
      restorer_->name(slot, next_);
      restored_.append({next_++, 1});
    }
  }
  waiting_.insert(waiting_.end(), rows.others.begin(), rows.others.end());
  return ids;
}

void RowInserter::forget(const PlacedRows& rows) {
  for (const std::uint32_t slot : rows.slots)
    if (slot != core::kNoSlot) restorer_->forget(slot);
}

// What waits is bounded, unless there is no index yet.
core::Result<void> RowInserter::make_room() {
  return restorer_ || waiting_.size() < kInsertedFloats ? core::Result<void>() : insert_waiting();
}

core::Result<void> RowInserter::flush() {
  if (restorer_)
    if (auto done = restore(); !done.ok()) return done;
  return insert_waiting();
}

core::Result<void> RowInserter::insert_waiting() {
  if (waiting_ids_.empty()) return {};
  auto done = insert(waiting_, waiting_ids_);
  waiting_.clear();
  waiting_ids_.clear();
  return done;
}

core::Result<void> RowInserter::insert(std::span<const float> rows, std::span<const core::ReferenceId> ids) {
  const std::size_t dimension = index_.params().dimension;
  const std::size_t at_once = rows_at_once();
  for (std::size_t begin = 0; begin < ids.size(); begin += at_once) {
    const auto some = ids.subspan(begin, std::min(at_once, ids.size() - begin));
    if (auto done = index_.insert(some, rows.subspan(begin * dimension, some.size() * dimension), threads_); !done.ok())
      return done;
    for (const core::ReferenceId id : some) inserted_.append({id, 1});
    if (on_inserted_) on_inserted_(inserted_.count());
  }
  return {};
}

// Few enough for their progress to be seen, where a graph is built as they go in, unless codes are to learn from them
// that need many: the first ones.
std::size_t RowInserter::rows_at_once() const noexcept {
  const core::IndexParams& params = index_.params();
  const bool learns = index_.count() == 0 && (params.quantization == core::Quantization::pq ||
                                              params.quantization == core::Quantization::binary);
  return on_inserted_ && params.algorithm == core::Algorithm::hnsw && !learns ? kWatchedRows : kInsertedFloats;
}

core::Result<void> RowInserter::restore() {
  auto made = restorer_->finish(waiting_ids_.size(), threads_);
  restorer_.reset();
  if (!made.ok()) {
    graph_->problem = made.error();
    return made.error();
  }
  index_.swap(**made);
  inserted_.append(restored_);
  return {};
}

void RowInserter::take_back() {
  restorer_.reset();
  waiting_.clear();
  waiting_ids_.clear();
  (void)index_.remove(inserted_.ids());
  inserted_ = {};
}

}  // namespace semroute::router
