// Evaluation: every labelled vector decided, in process or by a running daemon.
//
// The two give the same answers: both hand evaluate.h (router/quality) what was decided and the best score.
// Complexity: in process one decision a row, on all processors. Threads: blocks the caller; in process it
// makes threads of its own for the time.
// Errors: bad_vector or dimension_mismatch naming the row; those of Client; those that the daemon answered.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "router/quality/evaluate.h"
#include "router/routes/route_table.h"
#include "router/tool/labelled.h"

namespace semroute::router::tool {

// Called now and then with the rows done so far.
using Progress = std::function<void(std::size_t done)>;

[[nodiscard]] core::Result<std::vector<EvaluatedRequest>> evaluate_in_process(const RoutingState& state,
                                                                              const Labelled& labelled,
                                                                              const Progress& progress);

// Binary frames, a bounded window of them in flight.
[[nodiscard]] core::Result<std::vector<EvaluatedRequest>> evaluate_on_server(const std::string& server,
                                                                             const Labelled& labelled,
                                                                             const Progress& progress);

}  // namespace semroute::router::tool
