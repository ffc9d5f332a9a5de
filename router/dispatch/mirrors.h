// Mirrors: a worker's copies of requests that are under way to mirror targets.
//
// Nobody waits for one and nobody sees what becomes of it: the reply is dropped as it comes, and success and failure
// are counted for the mirror's target alone. One that would go over a bound is not sent, and counted as `overloaded`
// there. A copy shares the request's memory, and has its deadline.
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

#include "plugins/target.h"
#include "router/dispatch/channel_pool.h"
#include "router/dispatch/route_targets.h"

namespace semroute::router {

inline constexpr std::size_t kMaxMirrorsInFlight = 64;                 // a slow mirror must not pile up
inline constexpr std::size_t kMaxMirrorBytes = std::size_t{64} << 20;  // of payloads, which it keeps in memory
inline constexpr std::chrono::seconds kMaxMirrorTime{60};              // an endless reply must not keep its place

class Mirrors {
 public:
  Mirrors(boost::asio::io_context& io, ChannelPool& channels, std::chrono::milliseconds max_time = kMaxMirrorTime)
      : io_(io), channels_(channels), max_time_(max_time), flights_(std::make_shared<Flights>()) {}
  ~Mirrors() { cancel(); }

  void send(const DispatchTarget& to, std::shared_ptr<const plugins::DispatchRequest> request);
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
