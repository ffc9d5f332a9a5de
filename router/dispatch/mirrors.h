// Mirrors: a worker's copies of requests that are under way to mirror targets.
//
// Nobody waits for one and nobody sees what becomes of it: the reply is dropped as it comes, and success and failure
// are counted for the mirror's target alone. One that would go over a bound is not sent, and counted as `overloaded`
// there. A copy says that it is one (DispatchRequest::is_mirror), and has the request's deadline.
// Bounds: kMaxMirrorsInFlight of a target and worker, so that one that hangs leaves the others their
// room; kMaxMirrorBytes of a worker. One whose reply goes on for longer than kMaxMirrorTime is cancelled. Complexity:
// O(1). Threads: the worker's. Lifetime: destroyed before the pool; cancels what is under way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include <boost/asio/io_context.hpp>

#include "core/base/limits.h"
#include "plugins/target.h"
#include "router/dispatch/channel_pool.h"
#include "router/dispatch/route_targets.h"

namespace semroute::router {

class Mirrors {
 public:
  Mirrors(boost::asio::io_context& io, ChannelPool& channels, std::chrono::milliseconds max_time = core::kMaxMirrorTime)
      : io_(io), channels_(channels), max_time_(max_time), flights_(std::make_shared<Flights>()) {}
  ~Mirrors() { cancel(); }

  void send(const DispatchTarget& to, const plugins::DispatchRequest& request);
  // All that are under way.
  void cancel();

  [[nodiscard]] std::size_t in_flight() const noexcept { return flights_->calls.size(); }

 private:
  class NoReader;
  struct Flight {
    std::shared_ptr<plugins::Target> target;  // outlives its channel
    std::shared_ptr<plugins::Channel> channel;
    std::shared_ptr<plugins::Call> call;
    std::size_t bytes = 0;
  };
  struct Flights {
    std::unordered_map<std::uint64_t, Flight> calls;
    std::unordered_map<const plugins::Target*, std::size_t> of_target;  // how many of the calls
    std::size_t bytes = 0;                                              // of their payloads
  };

  boost::asio::io_context& io_;
  ChannelPool& channels_;
  std::chrono::milliseconds max_time_;
  std::shared_ptr<Flights> flights_;
  std::uint64_t next_ = 0;
};

}  // namespace semroute::router
