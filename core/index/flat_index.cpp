#include "core/index/flat_index.h"

#include <algorithm>
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

RowsKernel rows_kernel(Metric metric, const Kernels& kernels) noexcept {
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return kernels.dot_rows;
    case Metric::euclidean: return kernels.l2_squared_rows;
    case Metric::manhattan: return kernels.l1_rows;
  }
  return kernels.dot_rows;
}

constexpr bool larger_is_nearer(Metric metric) noexcept { return metric == Metric::cosine || metric == Metric::dot; }

}  // namespace

struct FlatIndex::Rows {
  Metric metric;
  std::size_t dimension;
  std::size_t stride;
  std::size_t capacity;
  RowsKernel kernel;
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

  template <bool kLargerIsNearer>
  std::size_t search(const float* query, std::span<Hit> hits) const noexcept;
};

// Kernel values are compared first, which refuses nearly every row with one comparison; only those that
// pass are turned into scores, and scores decide. Equal scores leave the hit that came first, which has
// the smaller id.
template <bool kLargerIsNearer>
std::size_t FlatIndex::Rows::search(const float* query, std::span<Hit> hits) const noexcept {
  constexpr float kFarthest =
      kLargerIsNearer ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  float values[kRowsPerBlock];
  TopK best(hits);
  float bound = kFarthest;  // the kernel value of some hit no better than the worst kept
  for (std::size_t first = 0; first < count(); first += kRowsPerBlock) {
    const std::size_t rows = std::min(kRowsPerBlock, count() - first);
    kernel(query, row(first), stride, rows, dimension, values);
    for (std::size_t i = 0; i < rows; ++i) {
      if (kLargerIsNearer ? values[i] <= bound : values[i] >= bound) continue;
      best.offer(Hit{ids[first + i], score_of(metric, values[i])});
      if (best.full()) bound = kFarthest;
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

}  // namespace semroute::core
