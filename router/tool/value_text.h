// value_text: a value of a reply as a person reads it in a table's cell.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "config/value.h"

namespace semroute::router::tool {

// A string without quotes, a number or boolean as written, "-" for null or nullptr; a list or a map as JSON.
[[nodiscard]] std::string value_text(const config::Value* value);
[[nodiscard]] std::string json_text(const config::Value& value);

}  // namespace semroute::router::tool
