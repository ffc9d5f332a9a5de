// list_routes: every route that a daemon has, asked for by pages, as of one revision.
//
// Complexity: a request for each kMaxRoutesPage routes. Threads: one. Errors: those of `ask`; internal for what is no
// list; conflict when routes change faster than they can be listed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/value.h"
#include "core/base/result.h"

namespace semroute::router::tool {

struct RouteListing {
  double revision = 0.0;
  std::vector<config::Value> routes;  // summaries, by name
};

// `ask` is given what a routes.list has beside its op ("offset":0,"limit":1000), and returns the reply.
using AskPage = std::function<core::Result<config::Value>(const std::string& members)>;
[[nodiscard]] core::Result<RouteListing> list_routes(const AskPage& ask);

}  // namespace semroute::router::tool
