#include "plugins/targets/http_headers.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace semroute::plugins {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token_character(char c) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kOthers.find(c) != std::string_view::npos;
}

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

std::string shortest(float number) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

core::Error bad_header(std::string_view name) {
  // The name may be anything, so it is shown encoded.
  return {core::ErrorCode::bad_request, "header " + percent_encoded(name) + " cannot be sent to an HTTP target"};
}

}  // namespace

bool is_header_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_character);
}

bool is_header_value(std::string_view value) noexcept {
  if (value.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (blank(value.front()) || blank(value.back())) return false;
  return std::all_of(value.begin(), value.end(), [&](char c) { return blank(c) || (c > 0x20 && c < 0x7f); });
}

bool is_reserved_header(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 12> kReserved = {
      "host",    "content-length", "content-type", "transfer-encoding", "connection",  "keep-alive", "te",
      "trailer", "upgrade",        "expect",       "proxy-connection",  "x-request-id"};
  constexpr std::string_view kOwnPrefix = "x-semroute-";
  if (name.size() >= kOwnPrefix.size() && equal_ignoring_case(name.substr(0, kOwnPrefix.size()), kOwnPrefix)) {
    return true;
  }
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](std::string_view reserved) { return equal_ignoring_case(name, reserved); });
}

bool has_header(const HttpHeaders& headers, std::string_view name) noexcept {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& header) { return equal_ignoring_case(header.first, name); });
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (c > 0x20 && c < 0x7f && c != '%') {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[byte >> 4U];
      encoded += kHex[byte & 0x0fU];
    }
  }
  return encoded;
}

core::Result<std::string> request_head(const HttpUrl& url, const HttpHeaders& configured,
                                       const DispatchRequest& request) {
  if (!is_header_value(request.content_type)) return bad_header("Content-Type");
  if (!is_header_value(request.traceparent)) return bad_header("traceparent");

  std::string head;
  head.reserve(512);
  head += "POST ";
  head += url.target;
  head += " HTTP/1.1\r\n";
  append_header(head, "Host", url.authority);
  const auto given = [&](std::string_view name) {
    return has_header(configured, name) || has_header(request.headers, name);
  };
  if (!given("user-agent")) append_header(head, "User-Agent", "semrouted/" SEMROUTE_VERSION);
  if (!request.content_type.empty()) append_header(head, "Content-Type", request.content_type);
  append_header(head, "Content-Length", std::to_string(request.payload.size()));
  append_header(head, "X-Semroute-Route", percent_encoded(request.route));
  if (request.has_score) append_header(head, "X-Semroute-Score", shortest(request.score));
  append_header(head, "X-Semroute-Decision", percent_encoded(request.decision));
  append_header(head, "X-Semroute-Revision", std::to_string(request.revision));
  append_header(head, "X-Request-Id", percent_encoded(request.request_id));
  if (!request.traceparent.empty() && !given("traceparent")) append_header(head, "traceparent", request.traceparent);
  for (const auto& [name, value] : configured) append_header(head, name, value);
  for (const auto& [name, value] : request.headers) {
    if (!is_header_name(name) || !is_header_value(value) || is_reserved_header(name)) return bad_header(name);
    if (!has_header(configured, name)) append_header(head, name, value);
  }
  head += "\r\n";
  return head;
}

}  // namespace semroute::plugins
