#include "core/index/crossover.h"

#include <algorithm>
#include <chrono>

#include "core/index/flat_scan.h"

namespace semroute::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWalkAdvantage = 1.5;
constexpr std::size_t kLeastCrossover = kFewestForGraph;
constexpr std::size_t kMostCrossover = 200'000;
// A row of a walk costs this much more than one of a scan: it is found by a link and lies anywhere.
constexpr double kWalkedRow = 3.0;

// Distances that a walk takes: about half of the links of each node it expands are new.
double walked_rows(std::size_t ef, const IndexParams& params) noexcept {
  return static_cast<double>(ef + 16) * static_cast<double>(params.hnsw.m) * 0.9;
}

}  // namespace

std::size_t measure_crossover(const VectorTable& table, const IndexParams& params, SearchScratch& scratch) {
  (void)table;
  (void)scratch;
  const double rows = walked_rows(params.hnsw.ef_search, params) * kWalkedRow * kWalkAdvantage;
  return std::clamp(static_cast<std::size_t>(rows), kLeastCrossover, kMostCrossover);
}

bool pays_to_walk(std::size_t ef, std::size_t rows, const IndexParams& params) noexcept {
  return walked_rows(ef, params) * kWalkedRow < static_cast<double>(rows);
}

}  // namespace semroute::core
