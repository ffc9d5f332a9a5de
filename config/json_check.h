// is_json: whether a text is one JSON value. json_members: the members of an object as they were written.
//
// For JSON that is passed on byte for byte, and never made into a tree. Strict: valid UTF-8, at most kMaxJsonDepth
// levels, no comments, white space around it allowed.
// Complexity: linear, without allocation (json_members: the list). Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace semroute::config {

[[nodiscard]] bool is_json(std::string_view text);

// Key, and the text of its value, in their order; keys may repeat. Nothing when `text` is no JSON object.
// The values lie in `text`.
using JsonMembers = std::vector<std::pair<std::string, std::string_view>>;
[[nodiscard]] std::optional<JsonMembers> json_members(std::string_view text);

// What a JSON string stands for; nothing when `text` is something else.
[[nodiscard]] std::optional<std::string> json_string_value(std::string_view text);

}  // namespace semroute::config
