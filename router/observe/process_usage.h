// ProcessUsage: what this process uses, read from /proc and the kernel when asked.
//
// Units in the names. A figure that cannot be read is 0. Threads: any. Cost: about 50 us.
#pragma once

#include <cstdint>

namespace semroute::router {

struct ProcessUsage {
  double cpu_seconds = 0.0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  double start_time_seconds = 0.0;  // since the epoch
};

[[nodiscard]] ProcessUsage read_process_usage();

}  // namespace semroute::router
