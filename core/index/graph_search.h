// Graph search: a walk over codes, then the full vectors of what may be among the k nearest.
//
// Dead slots and those that a filter refuses are walked through, so the walk keeps as many more candidates as it takes
// for ef of them to pass. Threads: any that hold a Readers::Reading.
#pragma once

#include <cstddef>
#include <span>

#include "core/index/hnsw_graph.h"
#include "core/index/id_set.h"
#include "core/index/index_params.h"
#include "core/index/readers.h"
#include "core/index/vector_table.h"

namespace semroute::core {

// Writes the best hits found and returns how many: fewer than hits.size() when too few of those walked past pass.
// Precondition: hits is not empty; ef >= hits.size(), the candidates that the walk keeps.
std::size_t search_graph(const VectorTable& table, const HnswGraph& graph, const IndexParams& params,
                         const float* query, std::size_t ef, std::span<Hit> hits, const IdSet* filter,
                         const Readers::Reading& reading);

}  // namespace semroute::core
