// The kind `http`: one POST of the payload to an HTTP/1.1 service, its reply passed back as it is.
// Reads the kind's keys; the work is done by HttpPool and HttpExchange.
#include <algorithm>
#include <utility>

#include "config/header_rules.h"
#include "plugins/targets/http_exchange.h"
#include "plugins/targets/http_pool.h"
#include "plugins/targets/http_settings.h"
#include "plugins/targets/kinds.h"

namespace semroute::plugins {
namespace {

using std::chrono::milliseconds;

class HttpChannel final : public Channel {
 public:
  HttpChannel(boost::asio::io_context& io, std::shared_ptr<const HttpSettings> settings)
      : settings_(std::move(settings)), pool_(std::make_shared<HttpPool>(io, settings_)) {}
  HttpChannel(const HttpChannel&) = delete;
  HttpChannel& operator=(const HttpChannel&) = delete;
  ~HttpChannel() override { pool_->close(); }

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    const auto now = Clock::now();
    if (request->deadline <= now) {
      done({core::Error{core::ErrorCode::timeout, "the deadline passed before the request was sent"}, false});
      return nullptr;
    }
    core::Result<std::string> head = request_head(settings_->url, settings_->headers, *request);
    if (!head) {
      done({head.error(), false});
      return nullptr;
    }
    const auto deadline = std::min(request->deadline, now + settings_->timeout);
    auto exchange = std::make_shared<HttpExchange>(pool_, std::move(*head), std::move(request), deadline, done);
    if (!pool_->admit(exchange)) {
      done({core::Error{core::ErrorCode::overloaded, "too many requests wait for this target"}, false});
      return nullptr;
    }
    return exchange;
  }

 private:
  std::shared_ptr<const HttpSettings> settings_;
  std::shared_ptr<HttpPool> pool_;
};

class HttpTarget final : public Target {
 public:
  HttpTarget(std::string name, HttpSettings settings)
      : name_(std::move(name)), settings_(std::make_shared<const HttpSettings>(std::move(settings))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return "http"; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return std::make_unique<HttpChannel>(io, settings_);
  }

 private:
  std::string name_;
  std::shared_ptr<const HttpSettings> settings_;
};

constexpr milliseconds kLongest = std::chrono::hours(24);

HttpHeaders read_headers(config::MapReader& reader) {
  HttpHeaders headers;
  for (const config::Member& member : reader.string_map("headers")) {
    const std::string* value = member.value.string();
    const std::string shown = '"' + percent_encoded(member.key) + '"';
    if (value == nullptr) continue;  // reported by the reader
    if (!config::is_header_name(member.key)) {
      reader.error("headers", shown + " is not a header name");
    } else if (config::is_reserved_header(member.key)) {
      reader.error("headers", shown + " is written by the daemon and cannot be set");
    } else if (!config::is_header_value(*value)) {
      reader.error("headers", "the value of " + shown + " must be visible ASCII, with blanks only inside");
    } else if (has_header(headers, member.key)) {
      reader.error("headers", shown + " is given twice");
    } else {
      headers.emplace_back(member.key, *value);
    }
  }
  return headers;
}

std::size_t read_limits(config::MapReader& reader, config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  config::MapReader own(reader.section("limits"), reader.path_of("limits"), diagnostics, catalogue);
  const std::size_t max_reply = own.size("max_reply", std::size_t{8} << 20, std::size_t{1} << 10, std::size_t{1} << 30);
  own.not_in_this_version({"connections", "pending", "requests"});
  own.finish();
  return max_reply;
}

std::shared_ptr<Target> make(const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  const std::size_t problems_before = problem_count(diagnostics);
  config::MapReader reader(target.node, path, diagnostics, catalogue);
  (void)reader.raw("name", "string");
  (void)reader.raw("kind", "string");

  HttpSettings settings;
  const std::size_t problems_at_url = problem_count(diagnostics);
  const std::string text = reader.required_string("url");
  if (problem_count(diagnostics) == problems_at_url) {
    core::Result<HttpUrl> url = parse_http_url(text);
    if (url) {
      settings.url = std::move(*url);
    } else {
      // Not shown as it is: it may hold a password.
      reader.error("url", url.error().message);
    }
  }
  settings.connect_timeout = reader.duration("connect_timeout", settings.connect_timeout, milliseconds(1), kLongest);
  settings.timeout = reader.duration("timeout", settings.timeout, milliseconds(1), kLongest);
  settings.headers = read_headers(reader);
  settings.max_reply_bytes = read_limits(reader, diagnostics, catalogue);
  reader.not_in_this_version({"endpoints", "balance", "per_try_timeout", "stream_idle_timeout", "idempotent", "retries",
                              "retry_on", "retry_budget", "health", "ejection", "tls", "header_files",
                              "deny_networks"});
  reader.finish();
  if (problem_count(diagnostics) != problems_before) return nullptr;
  return std::make_shared<HttpTarget>(target.name, std::move(settings));
}

}  // namespace

Kind http_kind() noexcept { return {"http", "one POST to an HTTP/1.1 service", make}; }

}  // namespace semroute::plugins
