// The kinds `tcp` and `unix`: the payload in one frame on a kept connection, the reply in another.
// Reads the kinds' keys; the work is done by StreamPool and StreamExchange.
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "config/sections.h"
#include "plugins/targets/kinds.h"
#include "plugins/targets/stream_exchange.h"
#include "plugins/targets/stream_pool.h"

namespace semroute::plugins {
namespace {

using std::chrono::milliseconds;

class StreamChannel final : public Channel {
 public:
  StreamChannel(boost::asio::io_context& io, std::shared_ptr<StreamShared> shared)
      : pool_(std::make_shared<StreamPool>(io, std::move(shared))) {}
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;
  ~StreamChannel() override { pool_->close(); }

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    const auto now = Clock::now();
    if (request->deadline <= now) {
      done({core::Error{core::ErrorCode::timeout, "the deadline passed before the request was sent"}, false});
      return nullptr;
    }
    core::Result<Frame> frame = frame_of(pool_->settings().framing, request->payload);
    if (!frame) {
      done({frame.error(), false});
      return nullptr;
    }
    const auto deadline = std::min(request->deadline, now + pool_->settings().timeout);
    auto exchange = std::make_shared<StreamExchange>(pool_, std::move(*frame), std::move(request), deadline, done);
    if (!pool_->admit(exchange)) {
      done({core::Error{core::ErrorCode::overloaded, "too many requests wait for this target"}, false});
      return nullptr;
    }
    return exchange;
  }

 private:
  std::shared_ptr<StreamPool> pool_;
};

class StreamTarget final : public Target {
 public:
  StreamTarget(std::string name, StreamSettings settings) : name_(std::move(name)) {
    shared_->settings = std::move(settings);
  }

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return shared_->settings.is_unix ? "unix" : "tcp"; }
  [[nodiscard]] bool is_idempotent() const noexcept override { return shared_->settings.idempotent; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return std::make_unique<StreamChannel>(io, shared_);
  }
  [[nodiscard]] TargetStats stats() const override {
    const bool is_reachable = shared_->is_reachable.load(std::memory_order_relaxed);
    TargetStats stats;
    stats.state = is_reachable ? "healthy" : "unavailable";
    stats.pending = shared_->pending.load(std::memory_order_relaxed);
    EndpointStats& endpoint = stats.endpoints.emplace_back(shared_->counters.stats());
    endpoint.address = shared_->settings.address;
    endpoint.state = is_reachable ? "healthy" : "unhealthy";
    return stats;
  }

 private:
  std::string name_;
  std::shared_ptr<StreamShared> shared_ = std::make_shared<StreamShared>();
};

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

// "host:port", a name, an IPv4 address or an IPv6 address in brackets.
bool read_host_and_port(std::string_view text, StreamSettings& settings) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), settings.port);
  if (problem != std::errc() || end != digits.data() + digits.size() || settings.port == 0) return false;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    boost::asio::ip::make_address_v6(host, error);
    if (error) return false;
  } else if (!is_host_name(host)) {
    return false;
  }
  settings.host = host;
  return true;
}

// Text that begins with '@' names an abstract socket, one without a file.
bool read_path(const std::string& text, const std::string& file, StreamSettings& settings) {
  if (text.empty() || text == "@" || text.ends_with('/')) return false;
  settings.path = text.starts_with('@') ? '\0' + text.substr(1) : config::beside(file, text);
  return settings.path.size() < sizeof(sockaddr_un::sun_path) && settings.path.find('\0', 1) == std::string::npos;
}

void read_limits(config::MapReader& reader, config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue,
                 StreamSettings& settings) {
  config::MapReader own(reader.section("limits"), reader.path_of("limits"), diagnostics, catalogue);
  settings.connections = static_cast<std::size_t>(own.integer("connections", 128, 1, 1'000'000));
  settings.pending = static_cast<std::size_t>(own.integer("pending", 256, 0, 1'000'000));
  settings.max_reply_bytes =
      own.size("max_reply", settings.max_reply_bytes, std::size_t{1} << 10, std::size_t{1} << 30);
  own.finish();
}

std::shared_ptr<Target> make(bool is_unix, const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  const std::size_t problems_before = problem_count(diagnostics);
  config::MapReader reader(target.node, path, diagnostics, catalogue);
  (void)reader.raw("name", "string");
  (void)reader.raw("kind", "string");

  StreamSettings settings;
  settings.is_unix = is_unix;
  settings.address = reader.required_string("address");
  if (problem_count(diagnostics) == problems_before) {
    if (is_unix && !read_path(settings.address, target.file, settings)) {
      reader.error("address", "expected the path of a socket with fewer than " +
                                  std::to_string(sizeof(sockaddr_un::sun_path)) + " bytes, or @ and a name, found \"" +
                                  settings.address + '"');
    } else if (!is_unix && !read_host_and_port(settings.address, settings)) {
      reader.error("address",
                   "expected HOST:PORT with a name, an IPv4 address or an IPv6 address in brackets, found \"" +
                       settings.address + '"');
    }
  }
  settings.framing = reader.one_of("framing", {"line", "u32"}, "line") == "u32" ? Framing::u32 : Framing::line;
  settings.connect_timeout =
      reader.duration("connect_timeout", settings.connect_timeout, milliseconds(1), kLongestTimeout);
  settings.timeout = reader.duration("timeout", settings.timeout, milliseconds(1), kLongestTimeout);
  settings.idempotent = reader.boolean("idempotent", false);
  read_limits(reader, diagnostics, catalogue, settings);
  reader.finish();
  if (problem_count(diagnostics) != problems_before) return nullptr;
  return std::make_shared<StreamTarget>(target.name, std::move(settings));
}

std::shared_ptr<Target> make_tcp(const config::TargetConfig& target, const std::string& path,
                                 config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  return make(false, target, path, diagnostics, catalogue);
}

std::shared_ptr<Target> make_unix(const config::TargetConfig& target, const std::string& path,
                                  config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  return make(true, target, path, diagnostics, catalogue);
}

}  // namespace

Kind tcp_kind() noexcept { return {"tcp", "a line or a length-prefixed frame to a TCP service", make_tcp}; }
Kind unix_kind() noexcept { return {"unix", "the same to a Unix socket", make_unix}; }

}  // namespace semroute::plugins
