// TrainingRows: rows that a codec learns from: at most so many of those given, evenly spread over them.
//
// Shapes: `floats` holds whole rows of `dimension`. Threads: a plain value. Lifetime: the span outlives it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/base/check.h"

namespace semroute::core {

class TrainingRows {
 public:
  TrainingRows(std::span<const float> floats, std::size_t dimension, std::size_t most_rows)
      : floats_(floats.data()), dimension_(dimension), given_(floats.size() / dimension) {
    SEMROUTE_CHECK(floats.size() == given_ * dimension);
    count_ = std::min(given_, most_rows);
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
  // Precondition: i < count().
  [[nodiscard]] const float* row(std::size_t i) const noexcept { return floats_ + i * given_ / count_ * dimension_; }

 private:
  const float* floats_;
  std::size_t dimension_;
  std::size_t given_;
  std::size_t count_;
};

}  // namespace semroute::core
