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

// A key with its value.
inline config::Member text_of(std::string key, std::string text) {
  return {std::move(key), {}, scalar(std::move(text))};
}
inline config::Member flag_of(std::string key, bool flag) { return {std::move(key), {}, scalar(flag)}; }
inline config::Member number_of(std::string key, std::int64_t number) { return {std::move(key), {}, scalar(number)}; }
inline config::Member map_of(std::string key, std::vector<config::Member> members) {
  return {std::move(key), {}, map(std::move(members))};
}
inline config::Member list_of(std::string key, const std::vector<std::string>& texts) {
  config::Value list;
  auto& values = list.data.emplace<config::Value::List>();
  for (const std::string& text : texts) values.push_back(scalar(text));
  return {std::move(key), {}, std::move(list)};
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
