// HttpSettings: what an http target's own keys said, checked; shared as const by all workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/map_reader.h"
#include "plugins/targets/http/balancer.h"
#include "plugins/targets/http/headers.h"
#include "plugins/targets/http/networks.h"
#include "plugins/targets/http/tls.h"
#include "plugins/targets/http/url.h"

namespace semroute::plugins {

struct HttpEndpointSettings {
  HttpUrl url;
  std::uint32_t weight = 1;
};

// What may be tried again. The first two happen before a byte of the request was sent.
struct HttpRetryOn {
  bool connect_failure = true;
  bool reset_before_request = true;
  bool reset = false;
  bool per_try_timeout = false;
  std::vector<int> statuses;
};

struct HttpHealthSettings {
  std::string path;
  std::chrono::milliseconds interval{5'000};
  std::chrono::milliseconds timeout{1'000};
  std::uint32_t unhealthy_after = 3;
  std::uint32_t healthy_after = 2;
};

// A header whose value is the text of a file.
struct HttpHeaderFile {
  std::string name;
  std::string path;
  std::string value;  // when it was read
};

struct HttpSettings {
  std::vector<HttpEndpointSettings> endpoints;
  HttpBalance balance = HttpBalance::least_request;
  std::chrono::milliseconds connect_timeout{1'000};          // name resolution, all addresses and TLS together
  std::optional<std::chrono::milliseconds> per_try_timeout;  // none: as long as `timeout`
  std::chrono::milliseconds timeout{60'000};                 // over all tries; streamed: until the head
  std::chrono::milliseconds stream_idle_timeout{30'000};     // between two pieces of a streamed reply
  bool idempotent = false;
  std::size_t retries = 1;
  HttpRetryOn retry_on;
  double retry_budget_percent = 20;
  std::size_t retry_budget_min = 3;
  std::optional<HttpHealthSettings> health;
  std::uint32_t ejection_failures = 5;  // 0: never
  std::chrono::milliseconds ejection_base_time{30'000};
  std::size_t ejection_max_percent = 50;
  std::size_t max_connections = 128;  // of the process
  std::size_t max_pending = 256;
  std::size_t max_requests = 1'024;
  std::optional<std::size_t> max_request_bytes;  // of a payload; none: what the daemon takes
  std::size_t max_reply_bytes = std::size_t{8} << 20;
  std::shared_ptr<const HttpTls> tls;  // null: no endpoint is https
  std::string ca_file;                 // what its authorities were read from; empty: the system's
  HttpHeaders headers;                 // sent with every request, those of files included
  std::vector<HttpHeaderFile> header_files;
  HttpNetworks deny_networks;
};

// Reads the keys of the target's own; nothing when something is wrong, which is in `diagnostics` then.
[[nodiscard]] std::optional<HttpSettings> read_http_settings(const config::TargetConfig& target,
                                                             const std::string& path, config::Diagnostics& diagnostics,
                                                             config::KeyCatalogue* catalogue);

// Whether a file that the settings were read from says something else now. Reads the files.
[[nodiscard]] bool files_have_changed(const HttpSettings& settings);

}  // namespace semroute::plugins
