// AddressRefresher: looks the names of a target's endpoints up at once and then again and again, off the path of
// requests, so that these find addresses that have not grown old.
//
// Threads: that of `io`. Lifetime: its end ends it; a look-up under way goes on by itself.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/targets/host_addresses.h"

namespace semroute::plugins {

// Before what is known has grown old (kHttpResolveAgain), with time left for the look-up itself.
inline constexpr std::chrono::milliseconds kRefreshAddresses{20'000};

class AddressRefresher {
 public:
  AddressRefresher(boost::asio::io_context& io, std::vector<std::shared_ptr<HostAddresses>> hosts,
                   std::chrono::milliseconds interval = kRefreshAddresses);
  AddressRefresher(const AddressRefresher&) = delete;
  AddressRefresher& operator=(const AddressRefresher&) = delete;

 private:
  void refresh();

  std::vector<std::shared_ptr<HostAddresses>> hosts_;  // those that are names
  const std::chrono::milliseconds interval_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<AddressRefresher*> self_ = std::make_shared<AddressRefresher*>(this);  // for handlers that are queued
};

}  // namespace semroute::plugins
