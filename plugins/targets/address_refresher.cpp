#include "plugins/targets/address_refresher.h"

#include <utility>

namespace semroute::plugins {

AddressRefresher::AddressRefresher(boost::asio::io_context& io, std::vector<std::shared_ptr<HostAddresses>> hosts,
                                   std::chrono::milliseconds interval)
    : hosts_(std::move(hosts)), interval_(interval), timer_(io) {
  std::erase_if(hosts_, [](const auto& host) { return host->is_literal(); });
  if (!hosts_.empty()) refresh();
}

void AddressRefresher::refresh() {
  for (const auto& host : hosts_) host->refresh();
  timer_.expires_after(interval_);
  timer_.async_wait([weak = std::weak_ptr(self_)](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self != nullptr) (*self)->refresh();
  });
}

}  // namespace semroute::plugins
