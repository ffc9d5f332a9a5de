#include "config/header_rules.h"

#include <algorithm>
#include <array>
#include <span>

namespace semroute::config {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_token_character(char c) noexcept {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.find(c) != std::string_view::npos;
}

bool is_listed(std::string_view name, std::span<const std::string_view> list) noexcept {
  return std::ranges::any_of(list, [name](std::string_view listed) { return equal_ignoring_case(name, listed); });
}

}  // namespace

bool is_header_name(std::string_view name) noexcept {
  return !name.empty() && std::ranges::all_of(name, is_token_character);
}

bool is_header_value(std::string_view value) noexcept {
  if (value.empty()) return true;
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (is_blank(value.front()) || is_blank(value.back())) return false;
  return std::ranges::all_of(value, [&](char c) { return is_blank(c) || (c > 0x20 && c < 0x7F); });
}

bool is_content_length(std::string_view value) noexcept {
  return !value.empty() && std::ranges::all_of(value, is_digit);
}

bool is_reserved_header(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 12> kReserved = {
      "host",    "content-length", "content-type", "transfer-encoding", "connection",  "keep-alive", "te",
      "trailer", "upgrade",        "expect",       "proxy-connection",  "x-request-id"};
  constexpr std::string_view kOwnPrefix = "x-semroute-";
  return equal_ignoring_case(name.substr(0, kOwnPrefix.size()), kOwnPrefix) || is_listed(name, kReserved);
}

bool is_closed_to_clients(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 3> kOthers = {"proxy-authenticate", "proxy-authorization",
                                                              "traceparent"};
  return is_reserved_header(name) || is_listed(name, kOthers);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace semroute::config
