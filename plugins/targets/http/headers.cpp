#include "plugins/targets/http/headers.h"

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

template <class Number>
void append_number(std::string& head, std::string_view name, Number number) {
  std::array<char, 32> text;  // the shortest that reads back the same
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  append_header(head, name, std::string_view(text.data(), end));
}

bool is_plain(char c) noexcept { return c > 0x20 && c < 0x7f && c != '%'; }

void append_percent_encoded(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0x0fU];
    }
  }
}

void append_encoded(std::string& head, std::string_view name, std::string_view text) {
  head += name;
  head += ": ";
  if (std::ranges::all_of(text, is_plain)) {
    head += text;
  } else {
    append_percent_encoded(text, head);
  }
  head += "\r\n";
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
  std::string encoded;
  encoded.reserve(text.size());
  append_percent_encoded(text, encoded);
  return encoded;
}

std::string request_start(const HttpUrl& url, const HttpHeaders& configured) {
  std::string start = "POST " + url.target + " HTTP/1.1\r\n";
  append_header(start, "Host", url.authority);
  for (const auto& [name, value] : configured) append_header(start, name, value);
  return start;
}

core::Result<void> append_request_headers(const HttpHeaders& configured, const DispatchRequest& request,
                                          std::string& out) {
  if (!config::is_header_value(request.content_type)) return bad_header("Content-Type");
  if (!config::is_header_value(request.traceparent)) return bad_header("traceparent");
  const auto given = [&](std::string_view name) {
    return has_header(configured, name) || has_header(request.headers, name);
  };
  if (!given("user-agent")) append_header(out, "User-Agent", "semrouted/" SEMROUTE_VERSION);
  if (!request.content_type.empty()) append_header(out, "Content-Type", request.content_type);
  append_number(out, "Content-Length", request.payload.size());
  append_encoded(out, "X-Semroute-Route", request.route);
  if (request.has_score) append_number(out, "X-Semroute-Score", request.score);
  append_encoded(out, "X-Semroute-Decision", request.decision);
  append_number(out, "X-Semroute-Revision", request.revision);
  append_encoded(out, "X-Request-Id", request.request_id);
  if (request.is_mirror) append_header(out, "X-Semroute-Mirror", "1");
  if (!request.traceparent.empty() && !given("traceparent")) append_header(out, "traceparent", request.traceparent);
  for (const auto& [name, value] : request.headers) {
    if (!config::is_header_name(name) || !config::is_header_value(value) || config::is_reserved_header(name))
      return bad_header(name);
    if (!has_header(configured, name)) append_header(out, name, value);
  }
  out += "\r\n";
  return {};
}

}  // namespace semroute::plugins
