// The kinds' own entry points, one a file; registry.cpp lists them (shape: Kind::make in registry.h).
//
// Each reads its keys from the target's node, reports every problem, and returns null when there
// was one. The keys `name` and `kind` belong to every target and are checked by the loader.
// Threads: any; no shared state.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "config/map_reader.h"
#include "plugins/target.h"

namespace semroute::plugins {

// For telling whether a kind found a problem of its own; the Diagnostics may hold others already.
[[nodiscard]] inline std::size_t problem_count(const config::Diagnostics& diagnostics) noexcept {
  return diagnostics.all().size() + diagnostics.omitted();
}

// A fixed reply: `reply` (any YAML value, sent as JSON), `status`.
[[nodiscard]] std::shared_ptr<Target> make_static_target(const config::TargetConfig& target, const std::string& path,
                                                         config::Diagnostics& diagnostics,
                                                         config::KeyCatalogue* catalogue);

// One POST to an HTTP service: `url`, `connect_timeout`, `timeout`, `headers`, `limits.max_reply`.
[[nodiscard]] std::shared_ptr<Target> make_http_target(const config::TargetConfig& target, const std::string& path,
                                                       config::Diagnostics& diagnostics,
                                                       config::KeyCatalogue* catalogue);

}  // namespace semroute::plugins
