// semrouted as it is, on calls that end it at a point (SEMROUTE_CRASH_AT, crash_calls.h) or fail as long as a file says
// so (SEMROUTE_DISK_FILE, faulty_calls.h), and with so small files that the log goes on in new ones, snapshots are
// written and old files removed all the time.
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "router/daemon/daemon.h"
#include "router/daemon/log.h"
#include "router/daemon/options.h"
#include "tests/integration/faulty_daemon/faulty_calls.h"

namespace {

using namespace semroute;

constexpr std::uint64_t kSegmentBytes = 6'000;
constexpr std::uint64_t kSnapshotMinLogBytes = 10'000;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

int main(int argc, char** argv) try {
  const auto options = router::parse_options(argc, argv);
  const std::string given = variable("SEMROUTE_CRASH_AT");
  const auto point = core::test::parse_crash_point(given);
  if (!options.ok() || (!given.empty() && !point)) {
    std::fprintf(stderr, "%s\n", options.ok() ? "SEMROUTE_CRASH_AT is no point" : options.error().message.c_str());
    return EX_USAGE;
  }
  test::FaultyCalls calls(point, variable("SEMROUTE_DISK_FILE"));
  router::start_logging(options->log_level, options->log_format);
  return router::Daemon(options->config_file, {.read_only = options->read_only,
                                               .calls = calls,
                                               .segment_bytes = kSegmentBytes,
                                               .snapshot_min_log_bytes = kSnapshotMinLogBytes})
      .run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "semrouted_with_faults: %s\n", error.what());
  return EX_SOFTWARE;
}
