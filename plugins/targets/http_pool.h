// HttpPool: one worker's connections to one http target, and the exchanges that wait for one.
//
// At most kHttpConnectionsPerWorker connections are open, idle ones included; the one used last is
// reused first, so that the others grow old and close. At most kHttpPendingPerWorker exchanges wait,
// first come, first served. Names are resolved once for all exchanges that wait for it.
// Complexity: constant a request, linear in the waiting ones for a cancelled wait.
// Threads: the worker's only. Lifetime: shared by the channel and its running exchanges.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"
#include "plugins/targets/http_settings.h"

namespace semroute::plugins {

// Shorter than the 60 s after which common servers close, so that the race is rare.
inline constexpr std::chrono::seconds kHttpIdleTimeout{15};

class HttpExchange;

class HttpPool : public std::enable_shared_from_this<HttpPool> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  HttpPool(boost::asio::io_context& io, std::shared_ptr<const HttpSettings> settings);

  [[nodiscard]] boost::asio::io_context& io() const noexcept { return io_; }
  [[nodiscard]] const HttpSettings& settings() const noexcept { return *settings_; }

  // Starts the exchange now or when a connection is free; false at the bound.
  [[nodiscard]] bool admit(const std::shared_ptr<HttpExchange>& exchange);
  // Ends an exchange's stay; `reusable` is the connection it leaves behind, or null.
  void leave(HttpExchange& exchange, std::shared_ptr<Socket> reusable);

  // An open connection on which nothing has arrived, or null.
  [[nodiscard]] std::shared_ptr<Socket> take_idle();
  // Gives every exchange that is resolving the addresses: at once for a literal, else later.
  void resolve(HttpExchange& exchange);

  // Cancels every exchange and closes every connection.
  void close();

 private:
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  struct Idle {
    std::shared_ptr<Socket> socket;
    Clock::time_point since;
  };

  void start_waiting();
  void resolved(const boost::system::error_code& error, const Endpoints& endpoints);
  void sweep_later();
  void sweep();

  boost::asio::io_context& io_;
  std::shared_ptr<const HttpSettings> settings_;
  Endpoints literal_;  // when the host is an address
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer sweeper_;
  std::unordered_map<HttpExchange*, std::shared_ptr<HttpExchange>> exchanges_;  // all, running and waiting
  std::deque<HttpExchange*> waiting_;
  std::vector<Idle> idle_;  // oldest first
  bool resolving_ = false;
  bool sweeping_ = false;
  bool closed_ = false;
};

}  // namespace semroute::plugins
