#include "router/routes/row_inserter.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "core/index/vector_rules.h"

namespace semroute::router {
namespace {

constexpr std::size_t kInsertedFloats = std::size_t{32} << 20;  // in one batch
constexpr std::size_t kWatchedRows = 8'192;                     // linked in a second or two

}  // namespace

core::Result<core::IdRange> RowInserter::add(std::span<const float> raw,
                                             const std::function<std::string(std::size_t)>& name) {
  const std::size_t dimension = index_.params().dimension;
  SEMROUTE_CHECK(raw.size() % dimension == 0);
  const core::IdRange ids{next_, raw.size() / dimension};
  const auto give_up = [&] {
    const std::size_t waiting = std::min<std::size_t>(next_ - ids.first, waiting_.size() / dimension);
    waiting_.resize((waiting_.size() / dimension - waiting) * dimension);
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
    ++next_;
    if (graph_ != nullptr) continue;  // a route that is refused is taken out of what waits
    if (auto done = make_room(); !done.ok()) return done.error();
  }
  if (auto done = make_room(); !done.ok()) return done.error();
  return ids;
}

core::Result<core::IdRange> RowInserter::add_prepared(std::span<const float> rows) {
  const std::size_t dimension = index_.params().dimension;
  const core::IdRange ids{next_, rows.size() / dimension};
  waiting_.insert(waiting_.end(), rows.begin(), rows.end());
  next_ += ids.count;
  if (auto done = make_room(); !done.ok()) return done.error();
  return ids;
}

// What waits is bounded, unless all of it has to.
core::Result<void> RowInserter::make_room() {
  if (waiting_.size() < kInsertedFloats) return {};
  if (graph_ == nullptr) return flush();
  full_.push_back(std::move(waiting_));
  waiting_ = {};
  return {};
}

core::Result<void> RowInserter::flush() {
  if (graph_ != nullptr) restore();
  for (std::vector<float>& rows : full_) {
    if (auto done = insert(rows, next_ - waiting_rows()); !done.ok()) return done;
    rows = {};
  }
  full_.clear();
  if (waiting_.empty()) return {};
  auto done = insert(waiting_, next_ - waiting_rows());
  waiting_.clear();
  return done;
}

std::size_t RowInserter::waiting_rows() const noexcept {
  std::size_t floats = waiting_.size();
  for (const std::vector<float>& rows : full_) floats += rows.size();
  return floats / index_.params().dimension;
}

core::Result<void> RowInserter::insert(std::span<const float> rows, core::ReferenceId first) {
  const std::size_t dimension = index_.params().dimension;
  const std::size_t at_once = rows_at_once();
  std::vector<core::ReferenceId> ids;
  while (!rows.empty()) {
    ids.resize(std::min(at_once, rows.size() / dimension));
    std::iota(ids.begin(), ids.end(), first);
    if (auto done = index_.insert(ids, rows.first(ids.size() * dimension), threads_); !done.ok()) return done;
    inserted_.append({first, ids.size()});
    first += ids.size();
    rows = rows.subspan(ids.size() * dimension);
    if (on_inserted_) on_inserted_(inserted_.count());
  }
  return {};
}

// Few enough for their progress to be seen, where a graph is built as they go in, unless codes are to learn from them
// that need many.
std::size_t RowInserter::rows_at_once() const noexcept {
  const core::IndexParams& params = index_.params();
  const bool learns =
      params.quantization == core::Quantization::pq || params.quantization == core::Quantization::binary;
  return on_inserted_ && params.algorithm == core::Algorithm::hnsw && !learns ? kWatchedRows : kInsertedFloats;
}

// Nothing waits any more, or the graph has a problem.
void RowInserter::restore() {
  const std::size_t dimension = index_.params().dimension;
  const core::IdRange all{next_ - waiting_rows(), waiting_rows()};
  SEMROUTE_CHECK(index_.count() == 0);
  std::vector<core::ReferenceId> ids(all.count);
  std::iota(ids.begin(), ids.end(), all.first);
  if (!waiting_.empty()) full_.push_back(std::exchange(waiting_, {}));
  std::vector<const float*> rows;
  rows.reserve(all.count);
  for (const std::vector<float>& block : full_)
    for (std::size_t at = 0; at < block.size(); at += dimension) rows.push_back(block.data() + at);
  auto made = core::Index::restore(
      index_.params(), graph_->file, ids,
      [&](std::size_t i, std::span<float> vector) { std::copy_n(rows[i], dimension, vector.begin()); }, threads_);
  KeptGraph& graph = *std::exchange(graph_, nullptr);
  if (!made.ok()) {
    graph.problem = made.error();
    return;
  }
  index_.swap(**made);
  inserted_.append(all);
  full_.clear();
}

void RowInserter::take_back() {
  full_.clear();
  waiting_.clear();
  (void)index_.remove(inserted_.ids());
  inserted_ = {};
}

}  // namespace semroute::router
