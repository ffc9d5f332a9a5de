// Endpoint: "host:port" as given on the command line, and durations such as "10s".
//
// IPv6 literals are written in brackets, "[::1]:7311". Threads: pure functions.
// Errors: bad_request naming the text and what was expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/base/result.h"

namespace semroute::router::tool {

// Unlike those of a configuration its host may be a name.
using Endpoint = config::Address;

[[nodiscard]] core::Result<Endpoint> parse_endpoint(std::string_view text);

// "250ms", "10s", "2m", at most kMaxDuration.
[[nodiscard]] core::Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace semroute::router::tool
