// The kinds of target that this build knows, as an explicit list (registry.cpp).
//
// Adding a kind: one file in plugins/targets/, its test, one line in the list.
// Threads: pure functions over a constant list.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "config/load.h"
#include "plugins/target.h"

namespace semroute::plugins {

struct Kind {
  std::string_view name;
  std::string_view summary;
  // Reads the kind's own keys; null when there is any problem (all of them reported). `name` and `kind` belong to every
  // target and are checked by the loader.
  std::shared_ptr<Target> (*make)(const config::TargetConfig& target, const std::string& path,
                                  config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue);
};

[[nodiscard]] std::span<const Kind> kinds() noexcept;

// For load_config: reports an unknown kind, or what the kind finds.
void check_target(const config::TargetConfig& target, const std::string& path, config::Diagnostics& diagnostics,
                  config::KeyCatalogue* catalogue);

// Precondition: check_target found nothing. If a file that the kind needs has changed since, so that it finds something
// now, the target answers `upstream_unavailable` and says why (unmade_target.h).
[[nodiscard]] std::shared_ptr<Target> make_target(const config::TargetConfig& target);

}  // namespace semroute::plugins
