#include "router/tool/endpoint.h"

#include <charconv>

namespace semroute::router::tool {
namespace {

template <class T>
bool read_number(std::string_view text, T& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && end == text.data() + text.size();
}

}  // namespace

core::Result<Endpoint> parse_endpoint(std::string_view text) {
  const core::Error wrong{
      core::ErrorCode::bad_request,
      "expected HOST:PORT, such as 127.0.0.1:7311 or [::1]:7311, found \"" + std::string(text) + "\""};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return wrong;
  }
  Endpoint endpoint{std::string(host), 0};
  if (host.empty() || !read_number(text.substr(colon + 1), endpoint.port)) return wrong;
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

core::Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789");
  std::uint32_t number = 0;
  if (digits != std::string_view::npos && read_number(text.substr(0, digits), number)) {
    const std::string_view unit = text.substr(digits);
    if (unit == "ms") return std::chrono::milliseconds{number};
    if (unit == "s") return std::chrono::milliseconds{std::chrono::seconds{number}};
    if (unit == "m") return std::chrono::milliseconds{std::chrono::minutes{number}};
  }
  return core::Error{core::ErrorCode::bad_request,
                     "expected a duration, such as 250ms, 10s or 2m, found \"" + std::string(text) + "\""};
}

}  // namespace semroute::router::tool
