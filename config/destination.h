// Destination: where the requests of a route are sent.
//
// Names of targets only: whether there are such targets is checked where one is read or applied.
// Threads: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace semroute::config {

// One of those that share a route's requests; it gets weight / (sum of the weights) of them.
struct TargetShare {
  std::string target;
  std::uint32_t weight = 1;
  bool operator==(const TargetShare&) const = default;
};

// Each target once. Empty: nothing is sent. One: it gets all, whatever its weight.
using TargetSplit = std::vector<TargetShare>;

// A copy of `percent` of the requests goes to `target`; what becomes of it is never seen.
struct Mirror {
  std::string target;
  double percent = 100.0;
  bool operator==(const Mirror&) const = default;
};

struct Destination {
  TargetSplit targets;
  std::vector<std::string> fallbacks;  // tried in order when the chosen one takes nothing; each once
  std::optional<Mirror> mirror;
  bool operator==(const Destination&) const = default;
};

// Calls visit(key, name) for every target that is named: "target", "fallback_targets", "mirror.target".
void for_each_target(const Destination& destination, auto&& visit) {
  for (const TargetShare& share : destination.targets) visit("target", share.target);
  for (const std::string& name : destination.fallbacks) visit("fallback_targets", name);
  if (destination.mirror) visit("mirror.target", destination.mirror->target);
}

// What is wrong with the whole, though each part is fine; empty: nothing. The message begins with the key.
[[nodiscard]] std::string problem_of(const Destination& destination);

// The members "target", "fallback_targets" and "mirror" of an object, those that are there, as JSON (which YAML is,
// too), each after a ','.
void append_members(const Destination& destination, std::string& out);

}  // namespace semroute::config
