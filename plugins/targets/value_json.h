// value_json: a configuration value as JSON text, for replies that are written in the YAML file.
//
// Shape: one compact line, member order kept, numbers in their shortest form that reads back the
// same. Complexity: linear in the value; its depth is bounded by the YAML reader (kMaxConfigDepth).
// Errors: nullopt when a number is not finite, since JSON has no text for it. Threads: any.
#pragma once

#include <optional>
#include <string>

#include "config/value.h"

namespace semroute::plugins {

[[nodiscard]] std::optional<std::string> to_json(const config::Value& value);

}  // namespace semroute::plugins
