// The kinds `tcp` and `unix`: the payload in one frame on a kept connection, the reply in another.
// Reads the kinds' keys; the work is done by StreamPool and StreamExchange.
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "config/scalar.h"
#include "config/sections.h"
#include "plugins/targets/address_refresher.h"
#include "plugins/targets/kinds.h"
#include "plugins/targets/stream_exchange.h"
#include "plugins/targets/stream_pool.h"

namespace semroute::plugins {
namespace {

class StreamChannel final : public Channel {
 public:
  StreamChannel(boost::asio::io_context& io, std::shared_ptr<StreamShared> shared)
      : shared_(std::move(shared)), pool_(std::make_shared<StreamPool>(io, shared_)) {
    shared_->connections->join(pool_);
  }
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;
  ~StreamChannel() override { pool_->close(); }

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    const auto now = Clock::now();
    if (refuse_late(*request, now, done)) return nullptr;
    core::Result<Frame> frame = frame_of(pool_->settings().framing, request->payload);
    if (!frame) {
      done({frame.error(), false});
      return nullptr;
    }
    const auto deadline = std::min(request->deadline, now + pool_->settings().timeout);
    auto exchange = std::make_shared<StreamExchange>(pool_, std::move(*frame), std::move(request), deadline, done);
    if (!pool_->admit(exchange)) {
      done({too_many_wait(), false});
      return nullptr;
    }
    return exchange;
  }

 private:
  const std::shared_ptr<StreamShared> shared_;
  const std::shared_ptr<StreamPool> pool_;
};

class StreamTarget final : public Target {
 public:
  StreamTarget(std::string name, StreamSettings settings)
      : name_(std::move(name)), shared_(std::make_shared<StreamShared>(std::move(settings))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return shared_->settings.is_unix ? "unix" : "tcp"; }
  [[nodiscard]] bool is_idempotent() const noexcept override { return shared_->settings.idempotent; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return std::make_unique<StreamChannel>(io, shared_);
  }
  void start(boost::asio::io_context& io) override {
    if (shared_->addresses != nullptr)
      refresher_ = std::make_unique<AddressRefresher>(io, std::vector{shared_->addresses});
  }
  void stop() override { refresher_.reset(); }
  [[nodiscard]] TargetStats stats() const override {
    const bool is_reachable = shared_->is_reachable.load(std::memory_order_relaxed);
    TargetStats stats;
    stats.state = !is_reachable ? "unavailable" : shared_->connections->is_used_up() ? "breaker_open" : "healthy";
    stats.pending = shared_->connections->pending();
    EndpointStats& endpoint = stats.endpoints.emplace_back(shared_->counters.stats());
    endpoint.address = shared_->settings.address;
    endpoint.state = is_reachable ? "healthy" : "unhealthy";
    return stats;
  }

 private:
  const std::string name_;
  const std::shared_ptr<StreamShared> shared_;
  std::unique_ptr<AddressRefresher> refresher_;
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

void read_address(TargetReader& reader, StreamSettings& settings) {
  settings.address = reader.required_string("address");
  if (!reader.is_good()) return;
  const std::string found = ", found \"" + config::printable(settings.address) + '"';
  if (!settings.is_unix) {
    if (read_host_and_port(settings.address, settings)) return;
    return reader.error("address",
                        "expected HOST:PORT with a name, an IPv4 address or an IPv6 address in brackets" + found);
  }
  if (!read_path(settings.address, reader.file(), settings)) {
    return reader.error("address", "expected the path of a socket with fewer than " +
                                       std::to_string(sizeof(sockaddr_un::sun_path)) + " bytes, or @ and a name" +
                                       found);
  }
  // The socket itself may be made later.
  std::error_code ignored;
  if (std::filesystem::is_directory(settings.path, ignored)) {
    reader.error("address", "expected the path of a socket, found the folder \"" + settings.address + '"');
  }
}

std::shared_ptr<Target> make(bool is_unix, const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  TargetReader reader(target, path, diagnostics, catalogue);
  StreamSettings settings;
  settings.is_unix = is_unix;
  read_address(reader, settings);
  settings.framing = reader.one_of("framing", {"line", "u32"}, "line") == "u32" ? Framing::u32 : Framing::line;
  settings.connect_timeout = reader.time("connect_timeout", settings.connect_timeout);
  settings.timeout = reader.time("timeout", settings.timeout);
  reader.check_within_timeout("connect_timeout", settings.connect_timeout, settings.timeout);
  settings.idempotent = reader.boolean("idempotent", false);
  config::MapReader limits = reader.part("limits");
  settings.connections = TargetReader::connections(limits, settings.connections);
  settings.pending = TargetReader::pending(limits, settings.pending);
  settings.max_reply_bytes = TargetReader::max_reply(limits, settings.max_reply_bytes);
  limits.finish();
  reader.finish();
  if (!reader.is_good()) return nullptr;
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
