#include "router/observe/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace semroute::router {

namespace {

const double kStartSeconds = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

}  // namespace

ProcessUsage read_process_usage() {
  ProcessUsage u;
  u.start_time_seconds = kStartSeconds;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) u.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) u.max_fds = files.rlim_cur;
  std::ifstream statm("/proc/self/statm");
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
  if (statm >> virtual_pages >> resident_pages) {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    u.virtual_bytes = virtual_pages * page_bytes;
    u.resident_bytes = resident_pages * page_bytes;
  }
  std::error_code ec;
  const std::filesystem::directory_iterator fds("/proc/self/fd", ec);
  if (!ec) u.open_fds = static_cast<std::uint64_t>(std::distance(begin(fds), end(fds)));
  return u;
}

}  // namespace semroute::router
