// Crossover: from how many rows on a walk is cheaper than a scan, measured on the machine at hand.
//
// Scanning is exact, so a walk has to be clearly cheaper: kWalkAdvantage times.
// Threads: measure_crossover from one that holds a Readers::Reading; the others are pure.
#pragma once

#include <cstddef>

#include "core/index/index_params.h"
#include "core/index/search_scratch.h"
#include "core/index/vector_table.h"

namespace semroute::core {

// No graph is thought of before there are so many rows: they are scanned in a few microseconds.
inline constexpr std::size_t kFewestForGraph = 2'048;
// A filter that passes fewer than one in so many is looked up id by id.
inline constexpr std::size_t kFewShare = 16;

// Rows from which searches with params.hnsw.ef_search are better walked. Takes some hundred microseconds.
// Precondition: the table has at least kFewestForGraph rows.
[[nodiscard]] std::size_t measure_crossover(const VectorTable& table, const IndexParams& params,
                                            SearchScratch& scratch);

// Whether a walk that keeps `ef` candidates is expected to be cheaper than looking at `rows` rows.
[[nodiscard]] bool pays_to_walk(std::size_t ef, std::size_t rows, const IndexParams& params) noexcept;

}  // namespace semroute::core
