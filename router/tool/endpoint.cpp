#include "router/tool/endpoint.h"

#include <charconv>

#include "config/scalar.h"
#include "router/tool/limits.h"

namespace semroute::router::tool {
namespace {

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
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
  if (host.empty() || !read_port(text.substr(colon + 1), endpoint.port)) return wrong;
  return endpoint;
}

core::Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto duration = config::parse_duration(text);
  if (duration && *duration <= kMaxDuration) return *duration;
  return core::Error{core::ErrorCode::bad_request,
                     "expected a duration up to 24h, such as 250ms, 10s or 2m, found \"" + std::string(text) + "\""};
}

}  // namespace semroute::router::tool
