// decode_base64: RFC 4648 section 4, strict: padded, no white space, unused bits zero.
// Complexity: linear. Threads: pure. Nothing is returned when the text is not base64.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace semroute::config {

[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);

}  // namespace semroute::config
