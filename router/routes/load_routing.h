// load_routing: a configuration file all the way to a routing state, or every problem on the way.
//
// What `semrouted` starts and reloads with, and what `--check` and `semroute check` judge: the same
// file gets the same verdict from all of them.
// Complexity: linear in the file and the files it names. Threads: any; blocks on file reads.
// Errors: all in outcome.problems; outcome.config and routing are both set or both not.
#pragma once

#include <memory>
#include <string>

#include "config/load.h"
#include "router/routes/table_writer.h"

namespace semroute::router {

struct RoutingLoad {
  config::LoadOutcome outcome;
  std::shared_ptr<const RoutingState> routing;

  // Those of outcome.problems that are no warnings, and those that were left out.
  [[nodiscard]] std::size_t errors() const noexcept;
};

// `threads` build the graph of an index that has one.
[[nodiscard]] RoutingLoad load_routing(const std::string& path, std::size_t threads = 1);

}  // namespace semroute::router
