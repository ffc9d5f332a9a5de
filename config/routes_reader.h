// read_routes: targets, routes and route_sets, with every reference read from its file.
//
// Call after read_sections: the dimension and metric decide which vectors are acceptable. Problems
// go to `diagnostics`; a route or target with a problem may be missing from `config`.
// Complexity: linear in the keys and the files. Threads: one thread; blocks on file reads.
#pragma once

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/load.h"
#include "config/map_reader.h"

namespace semroute::config {

void read_routes(MapReader& root, const TargetChecker& check_target, Config& config, Diagnostics& diagnostics,
                 KeyCatalogue* catalogue);

// One route, `node` being an element of `routes`; a target may have any name.
void read_route(const Value& node, Config& config, Diagnostics& diagnostics);

}  // namespace semroute::config
