// Target configurations as the YAML reader would hand them over, without a file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "plugins/registry.h"

namespace semroute::plugins::test {

template <class T>
config::Value scalar(T data) {
  config::Value value;
  value.data = std::move(data);
  return value;
}

inline config::Value map(std::vector<config::Member> members) {
  config::Value value;
  value.data = std::move(members);
  return value;
}

inline config::TargetConfig target_of(const std::string& name, const std::string& kind,
                                      std::vector<config::Member> keys) {
  std::vector<config::Member> members{{"name", {}, scalar(name)}, {"kind", {3, 5}, scalar(kind)}};
  for (config::Member& key : keys) members.push_back(std::move(key));
  return {name, kind, map(std::move(members))};
}

inline std::vector<config::Diagnostic> problems_of(const config::TargetConfig& target) {
  config::Diagnostics diagnostics("routes.yaml");
  check_target(target, "targets[0]", diagnostics, nullptr);
  return diagnostics.all();
}

}  // namespace semroute::plugins::test
