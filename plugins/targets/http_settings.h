// HttpSettings: what an http target's own keys said, checked; shared as const by all workers.
#pragma once

#include <chrono>
#include <cstddef>

#include "plugins/targets/http_headers.h"
#include "plugins/targets/http_url.h"

namespace semroute::plugins {

struct HttpSettings {
  HttpUrl url;
  HttpHeaders headers;                               // sent with every request
  std::chrono::milliseconds connect_timeout{1'000};  // name resolution and all addresses together
  std::chrono::milliseconds timeout{60'000};         // from dispatch until the reply is complete
  std::size_t max_reply_bytes = std::size_t{8} << 20;
};

}  // namespace semroute::plugins
