// load_config: a YAML file to a checked Config, or every problem that it has.
//
// Reads the file, the vector and label files it names, and checks all of it; the keys of a target
// are checked by `check_target`, which knows the kinds (the plugins floor gives it).
// Complexity: linear in the files' sizes. Threads: any; no shared state; blocks on file reads.
// Errors: all in `problems`, never an exception; `config` is set only when there is no error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/map_reader.h"

namespace semroute::config {

// Reads the target's own keys from its node (everything but `name` and `kind`) and reports problems.
// `path` is the target's key path, "targets[0]".
using TargetChecker = std::function<void(const TargetConfig& target, const std::string& path, Diagnostics& diagnostics,
                                         KeyCatalogue* catalogue)>;

struct LoadOutcome {
  std::optional<Config> config;
  std::vector<Diagnostic> problems;  // errors and warnings, in file order
  std::size_t omitted = 0;           // problems beyond kMaxDiagnostics
};

// Everything but targets, routes and route_sets, which cost the time of the files that they name: what a daemon
// needs to begin with. Nothing when any of it is wrong; load_config tells what.
[[nodiscard]] std::optional<Config> load_sections(const std::string& path);

[[nodiscard]] LoadOutcome load_config(const std::string& path, const TargetChecker& check_target,
                                      KeyCatalogue* catalogue = nullptr);

// A file that is one element of `routes`: a route alone, in config->routes. Its target may have any name.
[[nodiscard]] LoadOutcome load_route(const std::string& path, const IndexConfig& index);
// The same of a text that is in no file; `name` is what problems call it. Files that it names are looked for in the
// working folder.
[[nodiscard]] LoadOutcome load_route_text(const std::string& text, const std::string& name, const IndexConfig& index);

}  // namespace semroute::config
