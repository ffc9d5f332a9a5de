// EvalReport: what `semroute eval` prints, as a table or as JSON.
//
// Threads: a plain value and pure functions.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "router/quality/evaluate.h"

namespace semroute::router::tool {

struct EvalRun {
  std::string name;  // "mean_top 5", or the server's address
  std::vector<EvaluatedRequest> requests;
};

struct EvalReport {
  std::vector<EvalRun> runs;       // the first is the configured one; its confusions are shown
  std::vector<double> thresholds;  // beside the configured ones
  std::size_t confusions = 10;     // pairs shown
  bool per_route = false;          // precision and recall of every route
};

void print_text(const EvalReport& report, std::ostream& out);
void print_json(const EvalReport& report, std::ostream& out);

}  // namespace semroute::router::tool
