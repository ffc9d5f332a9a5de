// unmade_target: what stands for a target whose files went wrong between being checked and being read again.
//
// Answers every request with `upstream_unavailable` and the reason; is_current() is false, so that the next reload
// makes the target anew. Threads: any.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "plugins/target.h"

namespace semroute::plugins {

[[nodiscard]] std::shared_ptr<Target> unmade_target(std::string name, std::string_view kind, std::string why);

}  // namespace semroute::plugins
