// Base64, RFC 4648 section 4, strict: padded, no white space, unused bits zero.
//
// Complexity: linear. Threads: pure functions. Errors: decode_base64 says where a text is no base64.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace semroute::core {

// How many bytes `text` stands for, if it is base64 at all.
[[nodiscard]] std::size_t base64_bytes(std::string_view text) noexcept;

// Decodes all of `text` into `out`, which has base64_bytes(text) bytes. The character at fault, or nothing when
// there is none; after a fault `out` holds part of the bytes.
[[nodiscard]] std::optional<std::size_t> decode_base64(std::string_view text, std::span<std::byte> out) noexcept;

void append_base64(std::span<const std::byte> bytes, std::string& out);

}  // namespace semroute::core
