#include "plugins/targets/http/settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/header_rules.h"
#include "config/input_file.h"
#include "config/scalar.h"
#include "config/sections.h"
#include "core/base/limits.h"
#include "plugins/targets/target_reader.h"

namespace semroute::plugins {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMaxWeight = 1'000;
constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::int64_t kMaxChecks = 1'000;  // in a row

class SettingsReader {
 public:
  SettingsReader(const config::TargetConfig& target, const std::string& path, config::Diagnostics& diagnostics,
                 config::KeyCatalogue* catalogue)
      : reader_(target, path, diagnostics, catalogue) {}

  std::optional<HttpSettings> read() {
    read_endpoints();
    constexpr std::array<std::string_view, 3> kBalances{"round_robin", "least_request", "random"};
    const std::string balance = reader_.one_of("balance", {kBalances.begin(), kBalances.end()},
                                               kBalances[static_cast<std::size_t>(settings_.balance)]);
    settings_.balance = static_cast<HttpBalance>(std::ranges::find(kBalances, balance) - kBalances.begin());
    read_times();
    read_retries();
    read_health();
    read_ejection();
    read_limits();
    read_tls();
    read_headers();
    read_header_files();
    read_networks();
    reader_.finish();
    if (!reader_.is_good()) return std::nullopt;
    return std::move(settings_);
  }

 private:
  static void count(config::MapReader& reader, std::string_view key, std::size_t& value, std::int64_t least,
                    std::int64_t most) {
    value = static_cast<std::size_t>(reader.integer(key, static_cast<std::int64_t>(value), least, most));
  }
  static void count(config::MapReader& reader, std::string_view key, std::uint32_t& value, std::int64_t least,
                    std::int64_t most) {
    value = static_cast<std::uint32_t>(reader.integer(key, value, least, most));
  }

  void add_endpoint(config::MapReader& reader, const std::string& text, std::uint32_t weight) {
    core::Result<HttpUrl> url = parse_http_url(text);
    // Not shown as it is: it may hold a password.
    if (!url.ok()) return reader.error("url", url.error().message);
    if (std::ranges::any_of(settings_.endpoints,
                            [&](const auto& other) { return is_same_endpoint(other.url, *url); })) {
      return reader.error("url", "is the same endpoint as one before; for a larger share give that one a weight");
    }
    settings_.endpoints.push_back({std::move(url).value(), weight});
  }

  void read_endpoints() {
    if (const std::optional<std::string> url = reader_.string("url")) add_endpoint(reader_, *url, 1);
    const config::Value::List& list = reader_.elements("endpoints", "list of maps");
    const bool has_list = reader_.has("endpoints");
    for (std::size_t i = 0; i < list.size(); ++i) {
      config::MapReader own = reader_.part(list[i], reader_.path_of("endpoints") + '[' + std::to_string(i) + ']');
      const std::string url = own.required_string("url");
      const auto weight = static_cast<std::uint32_t>(own.integer("weight", 1, 1, kMaxWeight));
      if (!url.empty()) add_endpoint(own, url, weight);
      own.finish();
    }
    if (reader_.has("url") && has_list) {
      reader_.error("endpoints", "expected either url or endpoints, found both");
    } else if (!reader_.has("url") && !has_list) {
      reader_.error("url", "is required: expected a string, or endpoints; found nothing");
    } else if (has_list && (list.empty() || list.size() > core::kHttpMaxEndpoints)) {
      reader_.error("endpoints", "expected 1.." + std::to_string(core::kHttpMaxEndpoints) + " endpoints, found " +
                                     std::to_string(list.size()));
    }
  }

  void read_times() {
    settings_.connect_timeout = reader_.time("connect_timeout", settings_.connect_timeout);
    settings_.timeout = reader_.time("timeout", settings_.timeout);
    settings_.stream_idle_timeout = reader_.time("stream_idle_timeout", settings_.stream_idle_timeout);
    settings_.per_try_timeout = reader_.optional_duration("per_try_timeout", kShortestTimeout, kLongestTimeout);
    reader_.check_within_timeout("connect_timeout", settings_.connect_timeout, settings_.timeout);
    if (settings_.per_try_timeout) {
      reader_.check_within_timeout("per_try_timeout", *settings_.per_try_timeout, settings_.timeout);
    }
  }

  void read_retries() {
    settings_.idempotent = reader_.boolean("idempotent", false);
    count(reader_, "retries", settings_.retries, 0, static_cast<std::int64_t>(core::kHttpMaxRetries));
    read_retry_on();
    config::MapReader own = reader_.part("retry_budget");
    settings_.retry_budget_percent = own.number("percent", settings_.retry_budget_percent, 0, 100);
    count(own, "min", settings_.retry_budget_min, 0, kMaxCount);
    own.finish();
  }

  void read_retry_on() {
    constexpr std::string_view kExpected =
        "connect_failure, reset_before_request, reset, per_try_timeout or a status 400..599";
    const config::Value* node = reader_.raw("retry_on", "list of words and statuses",
                                            "connect_failure, reset_before_request, reset, per_try_timeout, 400..599",
                                            "[connect_failure, reset_before_request]");
    if (node == nullptr) return;
    if (node->list() == nullptr) return reader_.error("retry_on", "expected a list, found " + found_text(*node));
    if (node->list()->empty()) {
      return reader_.error("retry_on",
                           "expected at least one; for a target that is never tried again write retries: 0");
    }
    HttpRetryOn on{.connect_failure = false, .reset_before_request = false, .statuses = {}};
    for (const config::Value& value : *node->list()) {
      const std::string word = value.string() != nullptr ? *value.string() : std::string();
      const std::int64_t status = value.integer() != nullptr ? *value.integer() : 0;
      bool is_safe = false;
      if (word == "connect_failure") {
        on.connect_failure = is_safe = true;
      } else if (word == "reset_before_request") {
        on.reset_before_request = is_safe = true;
      } else if (word == "reset") {
        on.reset = true;
      } else if (word == "per_try_timeout") {
        on.per_try_timeout = true;
      } else if (status >= 400 && status <= 599) {
        on.statuses.push_back(static_cast<int>(status));
      } else {
        reader_.error("retry_on", "expected " + std::string(kExpected) + ", found " + found_text(value));
        continue;
      }
      if (!is_safe && !settings_.idempotent) {
        reader_.error("retry_on",
                      found_text(value) + " needs idempotent: true, since the request may have been served");
      }
    }
    settings_.retry_on = std::move(on);
  }

  void read_health() {
    const config::Value* node = reader_.raw("health", "map");
    if (node == nullptr) return;  // left out: off
    config::MapReader own = reader_.part(*node, reader_.path_of("health"));
    HttpHealthSettings health;
    health.path = own.required_string("path");
    if (!health.path.empty()) {
      // As the path of a URL, so that it is one and nothing else.
      const core::Result<HttpUrl> url = parse_http_url("http://host" + health.path);
      if (health.path.front() != '/' || !url.ok() || url->target != health.path) {
        own.error("path", "expected a path such as /healthz");
      }
    }
    health.interval = own.duration("interval", health.interval, milliseconds(10), kLongestTimeout);
    health.timeout = own.duration("timeout", health.timeout, kShortestTimeout, kLongestTimeout);
    count(own, "unhealthy_after", health.unhealthy_after, 1, kMaxChecks);
    count(own, "healthy_after", health.healthy_after, 1, kMaxChecks);
    own.finish();
    settings_.health = std::move(health);
  }

  void read_ejection() {
    config::MapReader own = reader_.part("ejection");
    count(own, "consecutive_failures", settings_.ejection_failures, 0, kMaxChecks);
    settings_.ejection_base_time =
        own.duration("base_time", settings_.ejection_base_time, kShortestTimeout, kLongestTimeout);
    count(own, "max_percent", settings_.ejection_max_percent, 0, 100);
    own.finish();
  }

  void read_limits() {
    config::MapReader own = reader_.part("limits");
    settings_.max_connections = TargetReader::connections(own, settings_.max_connections);
    settings_.max_pending = TargetReader::pending(own, settings_.max_pending);
    count(own, "requests", settings_.max_requests, 1, kMaxCount);
    settings_.max_request_bytes = own.optional_size("max_request", std::size_t{1} << 10, std::size_t{1} << 30);
    settings_.max_reply_bytes = TargetReader::max_reply(own, settings_.max_reply_bytes);
    own.finish();
  }

  void read_tls() {
    config::MapReader own = reader_.part("tls");
    const std::optional<std::string> ca_file = own.string("ca_file");
    const std::optional<std::string> server_name = own.string("server_name");
    own.finish();
    const bool is_used = std::ranges::any_of(settings_.endpoints, [](const auto& e) { return e.url.is_tls; });
    if (reader_.has("tls") && !is_used && !settings_.endpoints.empty()) {
      reader_.error("tls", "has no effect without an https:// endpoint");
    }
    if (server_name && !is_host(*server_name)) {
      own.error("server_name",
                "expected a host name, as certificates have it, or an IP address without brackets, found \"" +
                    config::printable(*server_name) + '"');
      return;
    }
    if (!is_used) return;
    std::string authorities;
    if (ca_file) {
      if (ca_file->empty()) return own.error("ca_file", "expected a file of PEM certificates, found \"\"");
      core::Result<std::string> text =
          config::read_text_file(config::beside(reader_.file(), *ca_file), core::kMaxConfigBytes);
      if (!text.ok()) return own.error("ca_file", *ca_file + ": " + text.error().message);
      authorities = std::move(text).value();
      // Without any, the system's would be taken.
      if (authorities.empty()) return own.error("ca_file", *ca_file + ": is empty: expected PEM certificates");
      settings_.ca_file = config::beside(reader_.file(), *ca_file);
    }
    auto tls = HttpTls::make(authorities, server_name.value_or(""));
    if (!tls.ok()) return own.error("ca_file", ca_file.value_or("") + ": " + tls.error().message);
    settings_.tls = std::move(tls).value();
  }

  // Whether a header of this name may be set here, and is not yet.
  bool check_header_name(std::string_view key, const std::string& name) {
    const std::string shown = '"' + percent_encoded(name) + '"';
    if (!config::is_header_name(name)) {
      reader_.error(key, shown + " is not a header name");
    } else if (config::is_reserved_header(name)) {
      reader_.error(key, shown + " is written by the daemon and cannot be set");
    } else if (has_header(settings_.headers, name)) {
      reader_.error(key, shown + " is given twice");
    } else {
      return true;
    }
    return false;
  }

  void read_headers() {
    for (const config::Member& member : reader_.string_map("headers")) {
      const std::string* value = member.value.string();
      if (value == nullptr || !check_header_name("headers", member.key)) continue;
      if (!config::is_header_value(*value)) {
        reader_.error("headers", "the value of \"" + member.key + "\" must be visible ASCII, with blanks only inside");
      } else {
        settings_.headers.emplace_back(member.key, *value);
      }
    }
  }

  void read_header_files() {
    for (const config::Member& member : reader_.string_map("header_files")) {
      const std::string* name = member.value.string();
      if (name == nullptr || !check_header_name("header_files", member.key)) continue;
      HttpHeaderFile file{member.key, config::beside(reader_.file(), *name), {}};
      core::Result<std::string> value = config::read_secret_file(file.path, core::kHttpMaxSecretBytes);
      if (!value.ok()) {
        reader_.error("header_files", *name + ": " + value.error().message);
      } else if (!config::is_header_value(*value)) {
        reader_.error("header_files", *name + ": must hold one line of visible ASCII, with blanks only inside");
      } else {
        file.value = std::move(value).value();
        settings_.headers.emplace_back(file.name, file.value);
        settings_.header_files.push_back(std::move(file));
      }
    }
  }

  void read_networks() {
    const std::vector<std::string> networks = reader_.strings("deny_networks");
    if (networks.size() > core::kHttpMaxNetworks) {
      return reader_.error("deny_networks", "expected at most " + std::to_string(core::kHttpMaxNetworks) + " networks");
    }
    for (const std::string& text : networks) {
      const core::Result<void> added = settings_.deny_networks.add(text);
      if (!added.ok()) reader_.error("deny_networks", config::printable(text) + ": " + added.error().message);
    }
  }

  TargetReader reader_;
  HttpSettings settings_;
};

}  // namespace

std::optional<HttpSettings> read_http_settings(const config::TargetConfig& target, const std::string& path,
                                               config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  return SettingsReader(target, path, diagnostics, catalogue).read();
}

bool files_have_changed(const HttpSettings& settings) {
  for (const HttpHeaderFile& file : settings.header_files) {
    const core::Result<std::string> value = config::read_secret_file(file.path, core::kHttpMaxSecretBytes);
    if (!value.ok() || *value != file.value) return true;
  }
  if (settings.ca_file.empty()) return false;
  const core::Result<std::string> authorities = config::read_text_file(settings.ca_file, core::kMaxConfigBytes);
  return !authorities.ok() || *authorities != settings.tls->authorities();
}

}  // namespace semroute::plugins
