// read_sections: every key of the configuration's root but targets, routes and route_sets.
//
// Writes what it finds into `config`; problems go to `diagnostics`. `config.file` must be set, as
// relative paths are joined to its folder. A dimension that is wrong is left 0.
// Threads: one thread. Complexity: linear in the keys.
#pragma once

#include <string>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/map_reader.h"

namespace semroute::config {

void read_sections(MapReader& root, Config& config, Diagnostics& diagnostics, KeyCatalogue* catalogue);

// `path` as opened: a relative one is joined to the folder of `file`.
[[nodiscard]] std::string beside(const std::string& file, const std::string& path);

}  // namespace semroute::config
