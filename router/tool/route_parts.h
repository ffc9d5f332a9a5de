// parts_of: a route cut into what one change takes each: how a route is made that is larger than limits.max_change.
//
// The first part is the route with its first rows, at least one reference; the others have its name, and rows to be
// added behind those before. What is in no row (metadata and the like) is small by the daemon's own bounds.
// Complexity: linear in the route. Threads: a pure function.
#pragma once

#include <cstddef>
#include <vector>

#include "config/config.h"

namespace semroute::router::tool {

// `bytes`: of the rows of a part, texts included; a larger row is a part of its own.
[[nodiscard]] std::vector<config::RouteConfig> parts_of(config::RouteConfig route, std::size_t dimension,
                                                        std::size_t bytes);

}  // namespace semroute::router::tool
