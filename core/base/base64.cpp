#include "core/base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/check.h"

namespace semroute::core {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr std::array<std::uint8_t, 256> values_of_characters() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNone;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kValues = values_of_characters();

std::size_t padding_of(std::string_view text) noexcept {
  return text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
}

}  // namespace

std::size_t base64_bytes(std::string_view text) noexcept {
  return text.size() < 4 ? 0 : text.size() / 4 * 3 - padding_of(text);
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<std::byte> out) noexcept {
  SEMROUTE_CHECK(out.size() == base64_bytes(text));
  if (text.size() % 4 != 0) return text.size();
  const std::size_t padding = padding_of(text);
  const std::size_t characters = text.size() - padding;
  std::byte* to = out.data();
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < characters; ++i) {
    const std::uint8_t six = kValues[static_cast<unsigned char>(text[i])];
    if (six == kNone) return i;
    bits = (bits << 6U) | six;
    if (i % 4 == 3) {
      *to++ = static_cast<std::byte>(bits >> 16U);
      *to++ = static_cast<std::byte>(bits >> 8U);
      *to++ = static_cast<std::byte>(bits);
      bits = 0;
    }
  }
  if (padding == 1) {
    if ((bits & 0x3U) != 0) return characters - 1;
    *to++ = static_cast<std::byte>(bits >> 10U);
    *to = static_cast<std::byte>(bits >> 2U);
  } else if (padding == 2) {
    if ((bits & 0xFU) != 0) return characters - 1;
    *to = static_cast<std::byte>(bits >> 4U);
  }
  return std::nullopt;
}

void append_base64(std::span<const std::byte> bytes, std::string& out) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8U) | (j < count ? std::to_integer<std::uint32_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) out += j <= count ? kAlphabet[(group >> (18U - 6U * j)) & 63U] : '=';
  }
}

}  // namespace semroute::core
