#include "config/destination_reader.h"

#include <algorithm>

#include "core/base/limits.h"

namespace semroute::config {
namespace {

std::string indexed(const std::string& path, std::size_t i) { return path + '[' + std::to_string(i) + ']'; }

}  // namespace

bool DestinationReader::check(const std::string& name, Place place, const std::string& path) {
  const std::string problem = check_ ? check_(name) : std::string();
  if (!problem.empty()) diagnostics_.error(place, path, problem);
  return problem.empty();
}

TargetSplit DestinationReader::targets(MapReader& reader) {
  const Value* node = reader.raw("target", "string or list of maps");
  if (node == nullptr) return {};
  const std::string path = reader.path_of("target");
  if (node->string() != nullptr) {
    const std::string& name = *node->string();
    return check(name, node->place, path) ? TargetSplit{{name, 1}} : TargetSplit{};
  }
  if (node->list() == nullptr || node->list()->empty() || node->list()->size() > core::kMaxTargetsOfSplit) {
    const bool is_long = node->list() != nullptr && !node->list()->empty();
    reader.error("target", is_long ? "expected at most " + std::to_string(core::kMaxTargetsOfSplit) + " targets"
                                   : "expected a string or a list of maps, found " +
                                         (node->list() != nullptr ? "an empty list" : found_text(*node)));
    return {};
  }
  TargetSplit split;
  for (std::size_t i = 0; i < node->list()->size(); ++i) {
    MapReader one((*node->list())[i], indexed(path, i), diagnostics_, catalogue_);
    TargetShare share;
    share.target = one.required_string("target");
    share.weight = static_cast<std::uint32_t>(one.integer("weight", 1, 1, core::kMaxTargetWeight));
    one.finish();
    if (share.target.empty() || !check(share.target, one.place_of("target"), one.path_of("target"))) continue;
    if (std::ranges::find(split, share.target, &TargetShare::target) != split.end()) {
      one.error("target", "\"" + share.target + "\" is in this split already");
      continue;
    }
    split.push_back(std::move(share));
  }
  return split;
}

std::vector<std::string> DestinationReader::fallbacks(MapReader& reader) {
  const Value::List& nodes = reader.elements("fallback_targets", "list of strings");
  if (nodes.size() > core::kMaxFallbackTargets) {
    reader.error("fallback_targets", "expected at most " + std::to_string(core::kMaxFallbackTargets) + " targets");
    return {};
  }
  const std::string path = reader.path_of("fallback_targets");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::string* name = nodes[i].string();
    if (name == nullptr) {
      diagnostics_.error(nodes[i].place, indexed(path, i), "expected a string, found " + found_text(nodes[i]));
    } else if (!check(*name, nodes[i].place, indexed(path, i))) {
      continue;
    } else if (std::ranges::find(names, *name) != names.end()) {
      diagnostics_.error(nodes[i].place, indexed(path, i), "\"" + *name + "\" is in this list already");
    } else {
      names.push_back(*name);
    }
  }
  return names;
}

std::optional<Mirror> DestinationReader::mirror(MapReader& reader) {
  const Value* node = reader.raw("mirror", "map");
  if (node == nullptr) return std::nullopt;
  MapReader one(*node, reader.path_of("mirror"), diagnostics_, catalogue_);
  Mirror mirror;
  mirror.target = one.required_string("target");
  mirror.percent = one.number("percent", 100.0, 0.0, 100.0);
  one.finish();
  if (mirror.target.empty() || !check(mirror.target, one.place_of("target"), one.path_of("target")))
    return std::nullopt;
  return mirror;
}

Destination DestinationReader::read(MapReader& reader) {
  Destination destination{targets(reader), fallbacks(reader), mirror(reader)};
  // Of a `target` that is there and was refused enough is told.
  if (destination.targets.empty() && reader.raw("target", "string or list of maps") != nullptr) return destination;
  if (const std::string problem = problem_of(destination); !problem.empty()) {
    const std::size_t colon = problem.find(": ");
    const std::string key = problem.substr(0, colon);
    diagnostics_.error(reader.place_of(key.substr(0, key.find('.'))), reader.path_of(key), problem.substr(colon + 2));
  }
  return destination;
}

}  // namespace semroute::config
