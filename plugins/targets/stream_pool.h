// StreamPool: one worker's connections to one tcp or unix target, and the exchanges that wait for one.
//
// A connection carries one request at a time; the one used last is reused first, so that the others grow old and close.
// How many there may be, idle ones included, and how many exchanges may wait, is the ConnectionLimit's to say, over all
// workers; who waits is served first come, first served.
// Complexity: constant a request, linear in the waiting ones for a cancelled wait.
// Threads: the worker's only; StreamShared is shared by all. Lifetime: shared by the channel and its running exchanges.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"
#include "plugins/target_stats.h"
#include "plugins/targets/connection_pool.h"
#include "plugins/targets/host_addresses.h"
#include "plugins/targets/stream_settings.h"

namespace semroute::plugins {

// What all workers share of a target.
struct StreamShared {
  explicit StreamShared(StreamSettings own, const HostAddresses::LookUp& look_up = look_up_by_system);

  const StreamSettings settings;
  const std::shared_ptr<ConnectionLimit> connections;
  const std::shared_ptr<HostAddresses> addresses;  // null: a Unix socket
  EndpointCounters counters;
  std::atomic<bool> is_reachable{true};  // the last one that connected, or tried to, could
};

class StreamExchange;

class StreamPool final : public ConnectionPool, public std::enable_shared_from_this<StreamPool> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  // What an exchange runs over.
  struct Place {
    ConnectionPermit permit;         // none: there is no place
    std::shared_ptr<Socket> socket;  // kept from another exchange; null: one is to be connected
  };

  StreamPool(boost::asio::io_context& io, std::shared_ptr<StreamShared> shared);

  [[nodiscard]] StreamShared& shared() const noexcept { return *shared_; }
  [[nodiscard]] const StreamSettings& settings() const noexcept { return shared_->settings; }

  // Starts the exchange now or when a connection is free; false at the bound.
  [[nodiscard]] bool admit(const std::shared_ptr<StreamExchange>& exchange);
  // Ends an exchange's stay, with what it leaves behind: the socket, if it can be used again.
  void leave(StreamExchange& exchange, Place left);

  // Cancels every exchange and closes every connection.
  void close();

 private:
  struct Idle {
    ConnectionPermit permit;  // outlives the socket
    std::shared_ptr<Socket> socket;
    Clock::time_point since;
  };

  // An open connection on which nothing has arrived, else the right to open one.
  [[nodiscard]] Place find_place();
  [[nodiscard]] bool has_waiting() const noexcept override { return !waiting_.empty(); }
  [[nodiscard]] bool serve_next() override;
  bool close_an_idle_one() override;
  void close_idle(std::size_t at);
  void sweep_later();
  void sweep();

  std::shared_ptr<StreamShared> shared_;
  boost::asio::steady_timer sweeper_;
  std::unordered_map<StreamExchange*, std::shared_ptr<StreamExchange>> exchanges_;  // all, running and waiting
  std::deque<StreamExchange*> waiting_;
  std::deque<Idle> idle_;  // oldest first
  bool sweeping_ = false;
};

}  // namespace semroute::plugins
