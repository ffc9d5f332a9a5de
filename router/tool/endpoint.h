// Endpoint: "host:port" as given on the command line, and durations such as "10s".
//
// IPv6 literals are written in brackets, "[::1]:7311". Threads: pure functions.
// Errors: bad_request naming the text and what was expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace semroute::router::tool {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

[[nodiscard]] core::Result<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

// "250ms", "10s", "2m".
[[nodiscard]] core::Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace semroute::router::tool
