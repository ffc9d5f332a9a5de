#include "plugins/targets/http_headers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/header_rules.h"

namespace semroute::plugins {
namespace {

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

bool has_header(const HttpHeaders& headers, std::string_view name) noexcept {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& header) { return config::equal_ignoring_case(header.first, name); });
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
  if (!config::is_header_value(request.content_type)) return bad_header("Content-Type");
  if (!config::is_header_value(request.traceparent)) return bad_header("traceparent");

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
    if (!config::is_header_name(name) || !config::is_header_value(value) || config::is_reserved_header(name))
      return bad_header(name);
    if (!has_header(configured, name)) append_header(head, name, value);
  }
  head += "\r\n";
  return head;
}

}  // namespace semroute::plugins
