// BestHits: the k best slots of a search so far, and the key that another needs to join them.
//
// Threads: none shared. Lifetime: the table and the span outlive it.
#pragma once

#include <limits>
#include <span>

#include "core/index/top_k.h"
#include "core/index/vector_table.h"

namespace semroute::core {

class BestHits {
 public:
  // Precondition: hits is not empty.
  BestHits(const VectorTable& table, Metric metric, std::span<Hit> hits) : table_(table), metric_(metric), top_(hits) {}

  void offer(std::uint32_t slot, float key) {
    if (key < needed_) return;
    if (top_.offer({table_.id_of(slot), score_of_key(metric_, key)}) && top_.full())
      needed_ = lowest_key_of(metric_, top_.worst().score);
  }
  void offer_values(const std::uint32_t* slots, std::size_t count, const float* kernel_values) {
    for (std::size_t i = 0; i < count; ++i) offer(slots[i], key_of(metric_, kernel_values[i]));
  }
  [[nodiscard]] float needed() const noexcept { return needed_; }  // -infinity until there are k
  std::size_t finish() noexcept { return top_.finish(); }

 private:
  const VectorTable& table_;
  Metric metric_;
  TopK top_;
  float needed_ = -std::numeric_limits<float>::infinity();
};

}  // namespace semroute::core
