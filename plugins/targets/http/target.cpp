// The kind `http`: a POST of the payload to an HTTP/1.1 service of one or more endpoints, its reply passed back as it
// is.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "plugins/targets/address_refresher.h"
#include "plugins/targets/http/channel.h"
#include "plugins/targets/http/health_checker.h"
#include "plugins/targets/http/settings.h"
#include "plugins/targets/http/upstream.h"
#include "plugins/targets/kinds.h"

namespace semroute::plugins {
namespace {

class HttpTarget final : public Target {
 public:
  HttpTarget(std::string name, HttpSettings settings)
      : name_(std::move(name)), upstream_(std::make_shared<HttpUpstream>(std::move(settings))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return "http"; }
  [[nodiscard]] bool is_idempotent() const noexcept override { return upstream_->settings().idempotent; }
  [[nodiscard]] bool is_current() const override { return !files_have_changed(upstream_->settings()); }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return open_http_channel(io, upstream_);
  }
  void inherit(Target& previous) override {
    if (auto* known = dynamic_cast<HttpTarget*>(&previous)) upstream_->inherit(*known->upstream_, Clock::now());
  }
  void start(boost::asio::io_context& io) override {
    std::vector<std::shared_ptr<HostAddresses>> hosts;
    for (std::size_t i = 0; i < upstream_->size(); ++i) hosts.push_back(upstream_->endpoint(i).addresses);
    refresher_ = std::make_unique<AddressRefresher>(io, std::move(hosts));
    if (upstream_->settings().health) checker_ = std::make_unique<HttpHealthChecker>(io, upstream_);
  }
  void stop() override {
    checker_.reset();
    refresher_.reset();
  }
  [[nodiscard]] TargetStats stats() const override { return upstream_->stats(); }

 private:
  const std::string name_;
  const std::shared_ptr<HttpUpstream> upstream_;
  std::unique_ptr<AddressRefresher> refresher_;
  std::unique_ptr<HttpHealthChecker> checker_;
};

std::shared_ptr<Target> make(const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  std::optional<HttpSettings> settings = read_http_settings(target, path, diagnostics, catalogue);
  if (!settings) return nullptr;
  return std::make_shared<HttpTarget>(target.name, *std::move(settings));
}

}  // namespace

Kind http_kind() noexcept { return {"http", "a POST to an HTTP/1.1 service", make}; }

}  // namespace semroute::plugins
