// changes_needing_restart: what a reload cannot apply, of all that differs between two configurations.
//
// A reload applies limits, decision, dispatch, targets, routes and route_sets; a change to any other
// key is an error that names the key, what runs and what the file says. Empty: the reload may go on.
// Complexity: constant. Threads: pure.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"

namespace semroute::config {

[[nodiscard]] std::vector<Diagnostic> changes_needing_restart(const Config& running, const Config& next);

}  // namespace semroute::config
