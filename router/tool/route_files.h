// Routes as files: one YAML file a route, its vectors in NPY files and its texts in JSONL files beside it.
//
// A file is what an element of `routes` in a configuration is (docs/configuration.md), so that it can be copied there.
// Complexity: linear in the route. Threads: any; blocks on files. Errors: internal for a reply that is no route,
// bad_request for files that cannot be written; problems of a file that is read are in the outcome of
// config::load_route.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/value.h"
#include "core/base/result.h"

namespace semroute::router::tool {

// The route of a reply of routes.get, without its rows.
[[nodiscard]] core::Result<config::RouteConfig> route_of_reply(const config::Value& route);

// Appends the rows of one page; what `dimension` does not fit is internal.
[[nodiscard]] core::Result<void> append_rows(const config::Value* rows, std::size_t dimension,
                                             config::ReferenceRows& out);

// FOLDER/NAME.yaml and what it names. NAME is `number` and what of the route's name every file system takes.
[[nodiscard]] core::Result<void> write_route(const std::string& folder, std::size_t number, std::size_t dimension,
                                             const config::RouteConfig& route);

}  // namespace semroute::router::tool
