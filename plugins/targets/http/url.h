// HttpUrl: where an http target's requests go, parsed and checked once at load.
//
// Accepts http:// or https://host[:port][/path][?query] with a name, an IPv4 or a bracketed IPv6 literal.
// Refuses everything else by name: other schemes, user information, a fragment, a port of 0.
// Threads: plain values, pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace semroute::plugins {

struct HttpUrl {
  bool is_tls = false;
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string authority;  // for the Host header: IPv6 in brackets, the port unless it is the scheme's
  std::string target;     // path and query, percent-encoded as written; at least "/"
};

[[nodiscard]] core::Result<HttpUrl> parse_http_url(std::string_view text);

// Whether requests to both go to the same place.
[[nodiscard]] bool is_same_endpoint(const HttpUrl& a, const HttpUrl& b);

// A host name as URLs take it, or an IPv4 or IPv6 address without brackets.
[[nodiscard]] bool is_host(std::string_view text);

}  // namespace semroute::plugins
