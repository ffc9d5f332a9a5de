#include "config/load.h"

#include <algorithm>
#include <utility>

#include "config/environment.h"
#include "config/input_file.h"
#include "config/routes_reader.h"
#include "config/sections.h"
#include "config/yaml_reader.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

std::optional<Value> tree_of(const core::Result<std::string>& text, Diagnostics& diagnostics) {
  if (!text.ok()) {
    diagnostics.error({}, "", text.error().message);
    return std::nullopt;
  }
  std::optional<Value> root = read_yaml(*text, diagnostics);
  if (root) expand_environment(*root, diagnostics);
  return root;
}

std::optional<Value> read_tree(const std::string& path, Diagnostics& diagnostics) {
  return tree_of(read_text_file(path, core::kMaxConfigBytes), diagnostics);
}

LoadOutcome outcome_of(Config&& config, const Diagnostics& diagnostics) {
  LoadOutcome outcome;
  outcome.problems = diagnostics.all();
  outcome.omitted = diagnostics.omitted();
  std::ranges::stable_sort(outcome.problems, {},
                           [](const Diagnostic& d) { return std::pair(d.place.line, d.place.column); });
  if (!diagnostics.has_errors()) outcome.config = std::move(config);
  return outcome;
}

LoadOutcome route_of(const core::Result<std::string>& text, const std::string& name, const IndexConfig& index) {
  Diagnostics diagnostics(name);
  Config config;
  config.file = name;
  config.index = index;
  if (const std::optional<Value> root = tree_of(text, diagnostics)) {
    if (root->map() != nullptr) {
      read_route(*root, config, diagnostics);
    } else {
      diagnostics.error(root->place, "", "expected a map: a route as in `routes` of a configuration");
    }
  }
  return outcome_of(std::move(config), diagnostics);
}

}  // namespace

std::optional<Config> load_sections(const std::string& path) {
  Diagnostics diagnostics(path);
  Config config;
  config.file = path;
  const std::optional<Value> root = read_tree(path, diagnostics);
  if (!root || root->map() == nullptr) return std::nullopt;
  MapReader reader(*root, "", diagnostics);
  read_sections(reader, config, diagnostics, nullptr);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

LoadOutcome load_config(const std::string& path, const TargetChecker& check_target, KeyCatalogue* catalogue) {
  Diagnostics diagnostics(path);
  Config config;
  config.file = path;
  if (const std::optional<Value> root = read_tree(path, diagnostics)) {
    MapReader reader(*root, "", diagnostics, catalogue);
    if (root->map() != nullptr) {
      read_sections(reader, config, diagnostics, catalogue);
      read_routes(reader, check_target, config, diagnostics, catalogue);
      reader.finish();
    }
  }
  return outcome_of(std::move(config), diagnostics);
}

LoadOutcome load_route(const std::string& path, const IndexConfig& index) {
  return route_of(read_text_file(path, core::kMaxConfigBytes), path, index);
}

LoadOutcome load_route_text(const std::string& text, const std::string& name, const IndexConfig& index) {
  if (text.size() <= core::kMaxConfigBytes) return route_of(text, name, index);
  return route_of(
      core::Error{core::ErrorCode::too_large, "more than " + std::to_string(core::kMaxConfigBytes) + " bytes"}, name,
      index);
}

}  // namespace semroute::config
