// Flat scan: exact search by looking at every row.
//
// With codes whose error is proven (codec.h) it looks at the codes first, and scores in full every row that might still
// be among the k nearest: estimate + bound against the k-th largest estimate - bound. So recall is 1.0 by construction.
// With codes that are only probable it is as good as their bound. Without full vectors, estimates decide. Ties are
// broken by smaller id. Complexity: O(slots * bytes of a row), plus the rows that are scored in full. Allocates nothing
// once scratch has grown. Threads: any that hold a Readers::Reading.
#pragma once

#include <cstddef>
#include <span>

#include "core/index/id_set.h"
#include "core/index/readers.h"
#include "core/index/vector_table.h"

namespace semroute::core {

// Rows that alive ids of `filter` (null: all) stand in are looked at. Precondition: hits.size() == k >= 1.
std::size_t scan_all(const VectorTable& table, Metric metric, const float* query, std::span<Hit> hits,
                     const IdSet* filter, const Readers::Reading& reading);

// Without a filter, for several queries (n x dimension), each block of rows being read once for all of them.
void scan_all_many(const VectorTable& table, Metric metric, std::span<const float> queries, std::size_t dimension,
                   std::size_t k, std::span<Hit> hits, std::span<std::size_t> counts, const Readers::Reading& reading);

// Looks up the ids of `filter` instead of every slot: about as fast as reading just their rows.
std::size_t scan_few(const VectorTable& table, Metric metric, const float* query, std::span<Hit> hits,
                     const IdSet& filter, const Readers::Reading& reading);

}  // namespace semroute::core
