// LoadConnection: one connection of a closed loop (load.h): keeps the pipeline full, times every reply.
//
// The id of a request is its slot in the pipeline, so that no id is in flight twice. Requests that
// become due while a write runs go out together in the next one.
// Threads: all on the thread that runs `io`; LoadClock is shared by all threads.
// Lifetime: `io`, plan, clock and tally outlive the connection.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "router/tool/histogram.h"
#include "router/tool/limits.h"
#include "router/tool/load.h"

namespace semroute::router::tool {

using Clock = std::chrono::steady_clock;

// When to stop sending.
struct LoadClock {
  std::atomic<std::uint64_t> left{0};  // requests not yet begun
  Clock::time_point until = Clock::time_point::max();

  // False: no more.
  [[nodiscard]] bool take(Clock::time_point now) noexcept {
    if (now >= until) return false;
    std::uint64_t seen = left.load(std::memory_order_relaxed);
    while (seen > 0 && !left.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed)) {
    }
    return seen > 0;
  }
};

// What the connections of one thread counted.
struct LoadTally {
  std::uint64_t answered = 0;
  std::uint64_t lost = 0;
  std::string why_lost;  // the first time
  std::map<std::string, std::uint64_t> errors;
  Histogram latency_ns;
  Clock::time_point last_reply;
};

class LoadConnection {
 public:
  // `first`: where in the plan's requests this connection begins, so that connections differ.
  LoadConnection(boost::asio::io_context& io, const LoadPlan& plan, LoadClock& clock, LoadTally& tally,
                 std::size_t first);

  [[nodiscard]] core::Result<void> connect();  // blocks, at most kConnectTimeout
  void start();

 private:
  void begin_request(std::size_t slot, Clock::time_point now);
  void write();
  void read();
  void on_bytes(std::size_t count);
  // Counts the reply that `have` begins with and returns its bytes; 0 when it is not all there.
  [[nodiscard]] std::size_t take_frame(std::string_view have, Clock::time_point now);
  [[nodiscard]] std::size_t take_line(std::string_view have, Clock::time_point now);
  // `error`: the code of an ok:false, else empty.
  void answered(std::size_t slot, const std::string& error, Clock::time_point now);
  void lose(std::string why);

  boost::asio::ip::tcp::socket socket_;
  const LoadPlan& plan_;
  LoadClock& clock_;
  LoadTally& tally_;
  std::size_t next_;
  std::vector<Clock::time_point> begun_;  // by slot; the minimum: not in flight
  std::size_t in_flight_ = 0;
  std::string due_;      // encoded, not handed to the socket
  std::string writing_;  // the write that runs
  std::vector<char> received_;
  std::size_t received_bytes_ = 0;
  bool lost_ = false;
};

}  // namespace semroute::router::tool
