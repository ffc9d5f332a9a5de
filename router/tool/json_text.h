// JSON for the tool: the daemon's replies as values, and embeddings as text.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/value.h"
#include "core/base/result.h"

namespace semroute::router::tool {

// One JSON document. Errors: bad_request saying what is wrong with it.
[[nodiscard]] core::Result<config::Value> parse_json(std::string_view text);

// Of a member: nothing when it is absent or of another type. An integer is also a number.
[[nodiscard]] std::optional<std::string> text_of(const config::Value& object, std::string_view key);
[[nodiscard]] std::optional<double> number_of(const config::Value& object, std::string_view key);
[[nodiscard]] std::optional<bool> boolean_of(const config::Value& object, std::string_view key);

// The base64 of the vector as little-endian float32, as `embedding` takes it.
[[nodiscard]] std::string base64_of(std::span<const float> vector);

}  // namespace semroute::router::tool
