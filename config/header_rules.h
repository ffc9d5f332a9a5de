// What HTTP allows as a header's name and value, and which headers are not for everyone to set.
// Complexity: linear. Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace semroute::config {

// RFC 9110, section 5.6.2.
[[nodiscard]] bool is_header_name(std::string_view name) noexcept;
// Visible ASCII, spaces and tabs inside; no other control character, nothing over 0x7E.
[[nodiscard]] bool is_header_value(std::string_view value) noexcept;
// A number as Content-Length has it: digits alone (section 8.6).
[[nodiscard]] bool is_content_length(std::string_view value) noexcept;

// Headers that frame or identify a request, which only the daemon writes; any case.
[[nodiscard]] bool is_reserved_header(std::string_view name) noexcept;
// The reserved ones, those that belong to the client's own hop, and traceparent, which needs no permission; any case.
[[nodiscard]] bool is_closed_to_clients(std::string_view name) noexcept;

// ASCII letters in lower case, everything else as it is.
[[nodiscard]] std::string lower_case(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace semroute::config
