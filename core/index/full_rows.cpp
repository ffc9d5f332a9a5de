#include "core/index/full_rows.h"

#include <cstring>

#include "core/base/check.h"

namespace semroute::core {
namespace {

constexpr std::size_t kLineBytes = 64;

F32Kernel f32_of(Metric metric, const Kernels& kernels) noexcept {
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return kernels.f32_dot;
    case Metric::euclidean: return kernels.f32_l2_squared;
    case Metric::manhattan: return kernels.f32_l1;
  }
  return kernels.f32_dot;
}

F16Kernel f16_of(Metric metric, const Kernels& kernels) noexcept {
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return kernels.f16_dot;
    case Metric::euclidean: return kernels.f16_l2_squared;
    case Metric::manhattan: return kernels.f16_l1;
  }
  return kernels.f16_dot;
}

}  // namespace

std::optional<FullRows> FullRows::reserve(Metric metric, std::size_t dimension, Rerank kind, std::size_t most_rows,
                                          const Kernels& kernels) {
  SEMROUTE_CHECK(kind != Rerank::none);
  FullRows rows;
  rows.half_ = kind == Rerank::f16;
  const std::size_t line = kLineBytes / (rows.half_ ? sizeof(std::uint16_t) : sizeof(float));
  rows.dimension_ = dimension;
  rows.stride_ = (dimension + line - 1) / line * line;
  rows.f32_ = f32_of(metric, kernels);
  rows.f16_ = f16_of(metric, kernels);
  rows.kernels_ = &kernels;
  auto block = GrowingBlock::reserve(most_rows * rows.row_bytes());
  if (!block) return std::nullopt;
  rows.block_ = std::move(*block);
  return rows;
}

void FullRows::write(std::uint32_t slot, const float* vector) {
  if (half_)
    kernels_->to_f16(vector, dimension_, half_row(slot));
  else
    std::memcpy(row(slot), vector, dimension_ * sizeof(float));
}

void FullRows::read(std::uint32_t slot, float* vector) const {
  if (half_)
    kernels_->from_f16(half_row(slot), dimension_, vector);
  else
    std::memcpy(vector, row(slot), dimension_ * sizeof(float));
}

}  // namespace semroute::core
