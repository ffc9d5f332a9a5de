#include "core/index/flat_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/base/limits.h"

namespace semroute::core {

namespace {

constexpr std::size_t kAlignmentBytes = 64;
constexpr std::size_t kRowPadding = kAlignmentBytes / sizeof(float);
// Rows scored at a time: their raw scores stay in L1 between scoring and selecting.
constexpr std::size_t kBlockRows = 64;

struct FreeAligned {
  void operator()(float* p) const noexcept { std::free(p); }
};
using Block = std::unique_ptr<float, FreeAligned>;

Block allocate(std::size_t rows, std::size_t stride) {
  SEMROUTE_CHECK(rows <= std::numeric_limits<std::size_t>::max() / (stride * sizeof(float)));
  auto* p = static_cast<float*>(std::aligned_alloc(kAlignmentBytes, rows * stride * sizeof(float)));
  SEMROUTE_CHECK(p != nullptr);
  return Block(p);
}

// Best first; ties by smaller id.
bool better(const Hit& a, const Hit& b) noexcept { return a.score > b.score || (a.score == b.score && a.id < b.id); }

}  // namespace

struct FlatIndex::Rows {
  Metric metric;
  std::size_t dimension;
  std::size_t stride;  // floats from row to row
  std::size_t capacity;
  const Kernels& kernels;
  Block block;
  std::size_t reserved = 0;      // rows that `block` has room for
  std::vector<ReferenceId> ids;  // ascending; ids[i] is row i's

  [[nodiscard]] float* row(std::size_t i) const noexcept { return block.get() + i * stride; }

  // The first row whose id is not below `id`.
  [[nodiscard]] std::size_t lower_bound(ReferenceId id) const noexcept {
    return static_cast<std::size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
  }

  void reserve(std::size_t rows) {
    if (rows <= reserved) return;
    Block larger = allocate(rows, stride);
    if (!ids.empty()) std::memcpy(larger.get(), block.get(), ids.size() * stride * sizeof(float));
    block = std::move(larger);
    reserved = rows;
    ids.reserve(rows);
  }

  // What a kernel computes, as the score a user sees (metric.h).
  [[nodiscard]] float to_score(float raw) const noexcept {
    switch (metric) {
      case Metric::cosine: return std::clamp(raw, -1.0F, 1.0F);
      case Metric::dot: return raw;
      case Metric::euclidean: return 1.0F / (1.0F + std::sqrt(raw));
      case Metric::manhattan: return 1.0F / (1.0F + raw);
    }
    return raw;
  }

  void score_rows(const float* query, std::size_t first, std::size_t count, float* scores) const noexcept {
    const RowsKernel kernel = metric == Metric::euclidean   ? kernels.l2_squared_rows
                              : metric == Metric::manhattan ? kernels.l1_rows
                                                            : kernels.dot_rows;
    kernel(query, row(first), stride, count, dimension, scores);
    if (metric == Metric::dot) return;
    for (std::size_t i = 0; i < count; ++i) scores[i] = to_score(scores[i]);
  }
};

FlatIndex::FlatIndex(Metric metric, std::size_t dimension, std::size_t capacity, const Kernels& kernels) {
  SEMROUTE_CHECK(dimension >= 1 && dimension <= kMaxDimension);
  const std::size_t stride = (dimension + kRowPadding - 1) / kRowPadding * kRowPadding;
  rows_ = std::unique_ptr<Rows>(new Rows{metric, dimension, stride, capacity, kernels, nullptr, 0, {}});
}

FlatIndex::~FlatIndex() = default;

Metric FlatIndex::metric() const noexcept { return rows_->metric; }
std::size_t FlatIndex::dimension() const noexcept { return rows_->dimension; }
std::size_t FlatIndex::count() const noexcept { return rows_->ids.size(); }
std::size_t FlatIndex::capacity() const noexcept { return rows_->capacity; }

std::size_t FlatIndex::bytes() const noexcept {
  return sizeof(*this) + sizeof(Rows) + rows_->reserved * rows_->stride * sizeof(float) +
         rows_->ids.capacity() * sizeof(ReferenceId);
}

void FlatIndex::reserve(std::size_t count) { rows_->reserve(std::min(count, rows_->capacity)); }

Result<void> FlatIndex::insert(ReferenceId id, std::span<const float> vector) {
  Rows& rows = *rows_;
  SEMROUTE_CHECK(vector.size() == rows.dimension);
  const std::size_t at = rows.lower_bound(id);
  const bool replaces = at < rows.ids.size() && rows.ids[at] == id;
  if (!replaces) {
    const std::size_t count = rows.ids.size();
    if (count >= rows.capacity) {
      return Error{ErrorCode::resource_exhausted,
                   "the index is full: index.capacity is " + std::to_string(rows.capacity)};
    }
    if (count == rows.reserved) rows.reserve(std::min(rows.capacity, std::max<std::size_t>(kBlockRows, 2 * count)));
    std::memmove(rows.row(at + 1), rows.row(at), (count - at) * rows.stride * sizeof(float));
    rows.ids.insert(rows.ids.begin() + static_cast<std::ptrdiff_t>(at), id);
  }
  float* to = rows.row(at);
  std::copy(vector.begin(), vector.end(), to);
  std::fill(to + rows.dimension, to + rows.stride, 0.0F);
  return {};
}

bool FlatIndex::remove(ReferenceId id) {
  Rows& rows = *rows_;
  const std::size_t at = rows.lower_bound(id);
  if (at == rows.ids.size() || rows.ids[at] != id) return false;
  std::memmove(rows.row(at), rows.row(at + 1), (rows.ids.size() - at - 1) * rows.stride * sizeof(float));
  rows.ids.erase(rows.ids.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

std::size_t FlatIndex::search(std::span<const float> query, std::size_t k, std::span<Hit> hits) const {
  const Rows& rows = *rows_;
  SEMROUTE_CHECK(query.size() == rows.dimension);
  const std::size_t wanted = std::min(k, rows.ids.size());
  SEMROUTE_CHECK(hits.size() >= wanted);
  if (wanted == 0) return 0;
  // hits[0, found) is a heap whose front is the worst kept.
  const auto begin = hits.begin();
  std::size_t found = 0;
  std::array<float, kBlockRows> scores;
  for (std::size_t first = 0; first < rows.ids.size(); first += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, rows.ids.size() - first);
    rows.score_rows(query.data(), first, count, scores.data());
    for (std::size_t i = 0; i < count; ++i) {
      // Ids ascend, so an equal score later never displaces an earlier one.
      if (found == wanted) {
        if (scores[i] <= begin->score) continue;
        std::pop_heap(begin, begin + static_cast<std::ptrdiff_t>(found), better);
        --found;
      }
      hits[found++] = {rows.ids[first + i], scores[i]};
      std::push_heap(begin, begin + static_cast<std::ptrdiff_t>(found), better);
    }
  }
  std::sort(begin, begin + static_cast<std::ptrdiff_t>(found), better);
  return found;
}

void FlatIndex::score(std::span<const float> query, IdRange ids, std::span<float> scores) const {
  const Rows& rows = *rows_;
  SEMROUTE_CHECK(query.size() == rows.dimension && scores.size() == ids.count);
  if (ids.count == 0) return;
  const std::size_t first = rows.lower_bound(ids.first);
  // The ids ascend without repeats, so both ends in place means that all of them are.
  SEMROUTE_CHECK(first + ids.count <= rows.ids.size() && rows.ids[first] == ids.first &&
                 rows.ids[first + ids.count - 1] == ids.first + ids.count - 1);
  rows.score_rows(query.data(), first, ids.count, scores.data());
}

std::span<const float> FlatIndex::vector(ReferenceId id) const {
  const Rows& rows = *rows_;
  const std::size_t at = rows.lower_bound(id);
  SEMROUTE_CHECK(at < rows.ids.size() && rows.ids[at] == id);
  return {rows.row(at), rows.dimension};
}

}  // namespace semroute::core
