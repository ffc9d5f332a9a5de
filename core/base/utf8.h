// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
// Complexity: linear. Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace semroute::core {

// The bytes of the character at the front of `text`; 0 when there is none that is valid.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

// Whether `text` is the beginning of a character, and its end is missing.
[[nodiscard]] bool is_cut_utf8(std::string_view text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace semroute::core
