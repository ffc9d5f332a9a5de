// HnswGraph::Scorer: keys of slots against one vector, by codes where the table has them. Only hnsw_*.cpp include this.
#pragma once

#include <cmath>

#include "core/base/cache_line.h"
#include "core/index/hnsw_graph.h"

namespace semroute::core {

class HnswGraph::Scorer {
 public:
  // For a search: plain keys. `code` is where the query's code is made.
  Scorer(const HnswGraph& graph, const float* query, AlignedBytes& code)
      : graph_(graph), rows_(graph.table_.rows()), query_(query) {
    if (rows_.codec == nullptr) {
      base_ = rows_.full->base();
      row_bytes_ = rows_.full->row_bytes();
      return;
    }
    base_ = rows_.codes->as<std::byte>();
    row_bytes_ = rows_.codec->row_bytes();
    std::byte* made = code.make_room(rows_.codec->query_bytes());
    terms_ = rows_.codec->prepare(query, made);
    code_ = made;
  }
  // For building, about a stored vector: under `dot` with the complement that makes norms equal.
  Scorer(const HnswGraph& graph, std::uint32_t slot, AlignedBytes& code, std::pmr::vector<float>& row)
      : Scorer(graph, read(graph, slot, row), code) {
    if (graph.params_.metric != Metric::dot) return;
    has_complement_ = true;
    complement_ = graph.complement_of(graph.squared_norms_.as<float>()[slot]);
  }

  [[nodiscard]] ErrorTerms terms() const noexcept { return terms_; }

  void operator()(const std::uint32_t* slots, std::size_t count, float* keys) const {
    if (code_ != nullptr) {
      rows_.codec->gather(code_, base_, slots, count, keys);
    } else {
      rows_.full->gather(query_, slots, count, keys);
      for (std::size_t i = 0; i < count; ++i) keys[i] = key_of(graph_.params_.metric, keys[i]);
    }
    if (!has_complement_) return;
    const float* squared_norms = graph_.squared_norms_.as<float>();
    for (std::size_t i = 0; i < count; ++i) keys[i] += complement_ * graph_.complement_of(squared_norms[slots[i]]);
  }
  [[nodiscard]] float operator()(std::uint32_t slot) const {
    float key;
    (*this)(&slot, 1, &key);
    return key;
  }
  // What a key of a slot is made from: so many lines of memory, which ask() asks for.
  [[nodiscard]] std::size_t row_lines() const noexcept { return whole_lines(row_bytes_) / kLineBytes; }
  [[gnu::always_inline]] void ask(std::uint32_t slot) const noexcept { ask_for(base_ + slot * row_bytes_, row_bytes_); }

 private:
  static const float* read(const HnswGraph& graph, std::uint32_t slot, std::pmr::vector<float>& row) {
    row.resize(graph.params_.dimension);
    graph.table_.rows().read(slot, row.data());
    return row.data();
  }

  const HnswGraph& graph_;
  const VectorTable::Rows& rows_;
  const float* query_;
  const std::byte* code_ = nullptr;
  const std::byte* base_;  // of what keys are made from, by slot
  std::size_t row_bytes_;
  ErrorTerms terms_;
  bool has_complement_ = false;
  float complement_ = 0.0F;
};

inline float HnswGraph::complement_of(float squared_norm) const noexcept {
  const float rest = largest_squared_norm_.load(std::memory_order_relaxed) - squared_norm;
  return rest > 0.0F ? std::sqrt(rest) : 0.0F;
}

}  // namespace semroute::core
