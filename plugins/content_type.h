// is_content_type: whether what a target says its reply is can be passed on as a content type: it may become a header
// of others, and has two bytes of length in a frame.
//
// Complexity: linear. Threads: pure function.
#pragma once

#include <cstddef>
#include <string_view>

#include "config/header_rules.h"

namespace semroute::plugins {

inline constexpr std::size_t kMaxContentTypeBytes = 1'024;  // media types and their parameters have some dozens

// Also when it is empty: it says nothing then.
[[nodiscard]] inline bool is_content_type(std::string_view text) noexcept {
  return text.size() <= kMaxContentTypeBytes && config::is_header_value(text);
}

}  // namespace semroute::plugins
