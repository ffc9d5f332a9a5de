// parse_address: "127.0.0.1:7311", "[::1]:7311" or "localhost:7311" to an Address.
//
// The host is an IPv4 literal, an IPv6 literal in brackets, or "localhost": a name would have to be
// resolved, and a listener must not depend on that. Port 0 lets the system pick one.
// Errors: bad_request, saying what was expected. Threads: pure.
#pragma once

#include <string_view>

#include "config/config.h"
#include "core/base/result.h"

namespace semroute::config {

[[nodiscard]] core::Result<Address> parse_address(std::string_view text);

}  // namespace semroute::config
