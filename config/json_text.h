// JSON text out of strings, numbers and values: what replies, logs and configured bodies are written with.
//
// Shape: one compact line, members in their order; numbers in the shortest form that reads back the same.
// Complexity: linear. Threads: pure functions that append to `out`. Precondition: numbers are finite.
#pragma once

#include <string>
#include <string_view>

#include "config/value.h"

namespace semroute::config {

// With quotes. Control characters are escaped; U+FFFD stands for bytes that are not UTF-8.
void append_json_string(std::string_view text, std::string& out);
void append_json_number(double number, std::string& out);
void append_json_number(float number, std::string& out);
void append_json_value(const Value& value, std::string& out);

}  // namespace semroute::config
