#include "core/index/flat_index.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/float_block.h"
#include "core/base/limits.h"
#include "core/index/top_k.h"

namespace semroute::core {
namespace {

constexpr std::size_t kStrideFloats = 16;  // rows start on cache lines
constexpr std::size_t kRowsPerBlock = 64;  // scanned at once; their kernel values stay in L1
constexpr std::size_t kFirstRows = 16;

constexpr std::size_t stride_of(std::size_t dimension) noexcept {
  return (dimension + kStrideFloats - 1) / kStrideFloats * kStrideFloats;
}

F32Kernel rows_kernel(Metric metric, const Kernels& kernels) noexcept {
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return kernels.f32_dot;
    case Metric::euclidean: return kernels.f32_l2_squared;
    case Metric::manhattan: return kernels.f32_l1;
  }
  return kernels.f32_dot;
}

constexpr bool larger_is_nearer(Metric metric) noexcept { return metric == Metric::cosine || metric == Metric::dot; }

// A kernel value such that none that is as far or farther scores above `score`: the inverse of
// score_of, rounded to the far side.
float bound_of(Metric metric, float score) noexcept {
  if (larger_is_nearer(metric)) return score;
  const double distance = 1.0 / static_cast<double>(score) - 1.0;
  const double value = metric == Metric::euclidean ? distance * distance : distance;
  return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity());
}

}  // namespace

struct FlatIndex::Rows {
  Metric metric;
  std::size_t dimension;
  std::size_t stride;
  std::size_t capacity;
  F32Kernel kernel;
  FloatBlock floats;
  std::size_t room = 0;          // rows that `floats` holds
  std::vector<ReferenceId> ids;  // ascending; ids[row]

  [[nodiscard]] std::size_t count() const noexcept { return ids.size(); }
  [[nodiscard]] float* row(std::size_t at) noexcept { return floats.data() + at * stride; }
  [[nodiscard]] const float* row(std::size_t at) const noexcept { return floats.data() + at * stride; }

  // The row of `id`, or where it would stand.
  [[nodiscard]] std::size_t place_of(ReferenceId id) const noexcept {
    if (ids.empty() || id > ids.back()) return ids.size();
    return static_cast<std::size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
  }
  [[nodiscard]] bool holds(std::size_t place, ReferenceId id) const noexcept {
    return place < ids.size() && ids[place] == id;
  }

  [[nodiscard]] bool make_room(std::size_t rows) {
    if (rows <= room) return true;
    std::optional<FloatBlock> larger = FloatBlock::allocate(rows, stride);
    if (!larger) return false;
    if (!ids.empty()) std::memcpy(larger->data(), floats.data(), count() * stride * sizeof(float));
    floats = std::move(*larger);
    room = rows;
    ids.reserve(rows);
    return true;
  }

  // Half as much again each time: appending n rows moves each of them a bounded number of times.
  [[nodiscard]] bool grow() {
    const std::size_t larger = std::max(kFirstRows, room + room / 2);
    return make_room(std::min(larger, capacity));
  }

  template <bool kLargerIsNearer>
  std::size_t search(const float* query, std::span<Hit> hits) const noexcept;
};

// Kernel values are compared first, which refuses nearly every row with one comparison; only those that
// pass are turned into scores, and scores decide. Of equal scores the one that came first stays: it has
// the smaller id.
template <bool kLargerIsNearer>
std::size_t FlatIndex::Rows::search(const float* query, std::span<Hit> hits) const noexcept {
  constexpr float kFarthest =
      kLargerIsNearer ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  float values[kRowsPerBlock];
  TopK best(hits);
  float bound = kFarthest;
  for (std::size_t first = 0; first < count(); first += kRowsPerBlock) {
    const std::size_t rows = std::min(kRowsPerBlock, count() - first);
    kernel.rows(query, row(first), stride, rows, dimension, values);
    for (std::size_t i = 0; i < rows; ++i) {
      if (kLargerIsNearer ? values[i] <= bound : values[i] >= bound) continue;
      if (best.offer(Hit{ids[first + i], score_of(metric, values[i])}) && best.full())
        bound = bound_of(metric, best.worst().score);
    }
  }
  return best.finish();
}

FlatIndex::FlatIndex(Metric metric, std::size_t dimension, std::size_t capacity, const Kernels& kernels)
    : rows_(std::make_unique<Rows>(Rows{.metric = metric,
                                        .dimension = dimension,
                                        .stride = stride_of(dimension),
                                        .capacity = capacity,
                                        .kernel = rows_kernel(metric, kernels),
                                        .floats = {},
                                        .room = 0,
                                        .ids = {}})) {
  SEMROUTE_CHECK(dimension >= 1 && dimension <= kMaxDimension);
}

FlatIndex::~FlatIndex() = default;

Metric FlatIndex::metric() const noexcept { return rows_->metric; }
std::size_t FlatIndex::dimension() const noexcept { return rows_->dimension; }
std::size_t FlatIndex::count() const noexcept { return rows_->count(); }
std::size_t FlatIndex::capacity() const noexcept { return rows_->capacity; }
std::size_t FlatIndex::bytes() const noexcept {
  return rows_->floats.bytes() + rows_->ids.capacity() * sizeof(ReferenceId);
}

void FlatIndex::reserve(std::size_t count) { static_cast<void>(rows_->make_room(std::min(count, rows_->capacity))); }

Result<void> FlatIndex::insert(ReferenceId id, std::span<const float> vector) {
  Rows& rows = *rows_;
  SEMROUTE_CHECK(vector.size() == rows.dimension);
  const std::size_t place = rows.place_of(id);
  if (!rows.holds(place, id)) {
    if (rows.count() >= rows.capacity)
      return Error{ErrorCode::resource_exhausted,
                   "the index is full: its capacity is " + std::to_string(rows.capacity) + " references"};
    if (rows.count() == rows.room && !rows.grow())
      return Error{ErrorCode::resource_exhausted, "no memory for more than " + std::to_string(rows.count()) +
                                                      " references of " + std::to_string(rows.dimension) + " numbers"};
    std::memmove(rows.row(place + 1), rows.row(place), (rows.count() - place) * rows.stride * sizeof(float));
    rows.ids.insert(rows.ids.begin() + static_cast<std::ptrdiff_t>(place), id);
  }
  std::memcpy(rows.row(place), vector.data(), vector.size_bytes());
  return {};
}

bool FlatIndex::remove(ReferenceId id) {
  Rows& rows = *rows_;
  const std::size_t place = rows.place_of(id);
  if (!rows.holds(place, id)) return false;
  std::memmove(rows.row(place), rows.row(place + 1), (rows.count() - place - 1) * rows.stride * sizeof(float));
  rows.ids.erase(rows.ids.begin() + static_cast<std::ptrdiff_t>(place));
  return true;
}

std::size_t FlatIndex::search(std::span<const float> query, std::size_t k, std::span<Hit> hits) const {
  const Rows& rows = *rows_;
  const std::size_t wanted = std::min(k, rows.count());
  SEMROUTE_CHECK(query.size() == rows.dimension);
  SEMROUTE_CHECK(hits.size() >= wanted);
  if (wanted == 0) return 0;
  return larger_is_nearer(rows.metric) ? rows.search<true>(query.data(), hits.first(wanted))
                                       : rows.search<false>(query.data(), hits.first(wanted));
}

void FlatIndex::score(std::span<const float> query, IdRange ids, std::span<float> scores) const {
  const Rows& rows = *rows_;
  SEMROUTE_CHECK(query.size() == rows.dimension);
  SEMROUTE_CHECK(scores.size() == ids.count);
  if (ids.count == 0) return;
  const std::size_t first = rows.place_of(ids.first);
  SEMROUTE_CHECK(rows.holds(first, ids.first));
  // Ids ascend without repeats: the ends in their places mean that every id between them is there.
  SEMROUTE_CHECK(ids.count <= rows.count() - first && rows.ids[first + ids.count - 1] == ids.first + (ids.count - 1));
  rows.kernel.rows(query.data(), rows.row(first), rows.stride, ids.count, rows.dimension, scores.data());
  if (rows.metric == Metric::dot) return;
  for (float& score : scores) score = score_of(rows.metric, score);
}

std::span<const float> FlatIndex::vector(ReferenceId id) const {
  const Rows& rows = *rows_;
  const std::size_t place = rows.place_of(id);
  SEMROUTE_CHECK(rows.holds(place, id));
  return {rows.row(place), rows.dimension};
}

}  // namespace semroute::core
