// StreamPool: one worker's connections to one tcp or unix target, and the exchanges that wait for one.
//
// A connection carries one request at a time. At most `connections` are open, idle ones included; the one used last is
// reused first, so that the others grow old and close. At most `pending` exchanges wait, first come, first served. A
// host's name is looked up once for all exchanges that wait for it.
// Complexity: constant a request, linear in the waiting ones for a cancelled wait.
// Threads: the worker's only; counters and is_reachable are shared by all. Lifetime: shared by the channel and its
// running exchanges.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"
#include "plugins/target_stats.h"
#include "plugins/targets/stream_settings.h"

namespace semroute::plugins {

// Shorter than after what common servers close, so that the race is rare.
inline constexpr std::chrono::seconds kStreamIdleTimeout{15};

// What all workers share of a target.
struct StreamShared {
  StreamSettings settings;
  EndpointCounters counters;
  std::atomic<std::uint64_t> pending{0};
  std::atomic<bool> is_reachable{true};  // the last one that connected, or tried to, could
};

class StreamExchange;

class StreamPool : public std::enable_shared_from_this<StreamPool> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  StreamPool(boost::asio::io_context& io, std::shared_ptr<StreamShared> shared);

  [[nodiscard]] boost::asio::io_context& io() const noexcept { return io_; }
  [[nodiscard]] StreamShared& shared() const noexcept { return *shared_; }
  [[nodiscard]] const StreamSettings& settings() const noexcept { return shared_->settings; }

  // Starts the exchange now or when a connection is free; false at the bound.
  [[nodiscard]] bool admit(const std::shared_ptr<StreamExchange>& exchange);
  // Ends an exchange's stay; `reusable` is the connection it leaves behind, or null.
  void leave(StreamExchange& exchange, std::shared_ptr<Socket> reusable);

  // An open connection on which nothing has arrived, or null.
  [[nodiscard]] std::shared_ptr<Socket> take_idle();
  // Gives every exchange that is resolving the addresses: at once where they are known, else later.
  void resolve(StreamExchange& exchange);

  // Cancels every exchange and closes every connection.
  void close();

 private:
  struct Idle {
    std::shared_ptr<Socket> socket;
    Clock::time_point since;
  };

  void start_waiting();
  void resolved(const boost::system::error_code& error, const std::vector<Endpoint>& endpoints);
  void sweep_later();
  void sweep();

  boost::asio::io_context& io_;
  std::shared_ptr<StreamShared> shared_;
  std::vector<Endpoint> known_;  // a path, or an address
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer sweeper_;
  std::unordered_map<StreamExchange*, std::shared_ptr<StreamExchange>> exchanges_;  // all, running and waiting
  std::deque<StreamExchange*> waiting_;
  std::vector<Idle> idle_;  // oldest first
  bool resolving_ = false;
  bool sweeping_ = false;
  bool closed_ = false;
};

}  // namespace semroute::plugins
