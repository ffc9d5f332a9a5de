// run_load: a closed loop against a running daemon, for `semroute bench`.
//
// Every connection keeps `pipeline` requests in flight and sends the next as soon as one is answered,
// so that the rate is what the daemon gives and latency includes the wait in its queue. A latency is the
// time from handing a request to the socket until its reply is read. Requests are encoded beforehand;
// only the id is written anew.
// Threads: makes `threads` of its own, each with its share of the connections; blocks until done.
// Errors: unavailable (cannot connect; every connection was lost), timeout (nothing came back for kBenchStall).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "router/tool/histogram.h"

namespace semroute::router::tool {

enum class Wire : std::uint8_t { binary, json };

struct LoadPlan {
  std::string server;
  Wire wire = Wire::binary;
  std::size_t connections = 1;
  std::size_t pipeline = 1;
  std::size_t threads = 1;
  std::uint64_t requests = 0;             // 0: until `duration` is over
  std::chrono::milliseconds duration{0};  // 0: until `requests` are answered
  // Sent in turn. Binary: whole frames, whose id is overwritten. JSON: lines without `id` and "\n",
  // such as {"op":"match",...}, into which the id is put as first member.
  std::vector<std::string> encoded{};
};

struct LoadReport {
  std::uint64_t answered = 0;                   // ok or not
  std::uint64_t lost = 0;                       // in flight when their connection ended
  std::map<std::string, std::uint64_t> errors;  // by error code
  double seconds = 0.0;                         // from the first request to the last reply
  Histogram latency_ns;
};

[[nodiscard]] core::Result<LoadReport> run_load(const LoadPlan& plan);

}  // namespace semroute::router::tool
