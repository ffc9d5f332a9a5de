#include "config/destination.h"

#include <algorithm>

#include "config/json_text.h"

namespace semroute::config {

std::string problem_of(const Destination& destination) {
  const TargetSplit& targets = destination.targets;
  if (targets.size() == 1 &&
      std::ranges::find(destination.fallbacks, targets.front().target) != destination.fallbacks.end())
    return "fallback_targets: \"" + targets.front().target + "\" is the target itself";
  if (destination.mirror &&
      std::ranges::find(targets, destination.mirror->target, &TargetShare::target) != targets.end())
    return "mirror.target: \"" + destination.mirror->target + "\" is " +
           (targets.size() == 1 ? "the target itself" : "in the split") + ", and would get requests twice";
  if (!targets.empty()) return {};
  if (!destination.fallbacks.empty()) return "fallback_targets: expected none, as there is no target";
  if (destination.mirror) return "mirror: expected none, as there is no target";
  return {};
}

void append_members(const Destination& destination, std::string& out) {
  if (destination.targets.size() == 1) {
    out += ",\"target\":";
    append_json_string(destination.targets.front().target, out);
  } else if (!destination.targets.empty()) {
    out += ",\"target\":[";
    for (const TargetShare& share : destination.targets) {
      if (out.back() != '[') out += ',';
      out += "{\"target\":";
      append_json_string(share.target, out);
      out += ",\"weight\":" + std::to_string(share.weight) + '}';
    }
    out += ']';
  }
  if (!destination.fallbacks.empty()) {
    out += ",\"fallback_targets\":[";
    for (const std::string& name : destination.fallbacks) {
      if (out.back() != '[') out += ',';
      append_json_string(name, out);
    }
    out += ']';
  }
  if (!destination.mirror) return;
  out += ",\"mirror\":{\"target\":";
  append_json_string(destination.mirror->target, out);
  out += ",\"percent\":";
  append_json_number(destination.mirror->percent, out);
  out += '}';
}

}  // namespace semroute::config
