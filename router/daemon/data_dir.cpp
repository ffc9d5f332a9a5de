#include "router/daemon/data_dir.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "router/changes/route_record.h"
#include "router/changes/store_journal.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

// Of a folder that a start would make.
Result<std::string> look_above(const std::string& path) {
  std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (above.empty()) above = ".";
  if (::access(above.c_str(), W_OK | X_OK) != 0)
    return Error{ErrorCode::cannot_create, "data_dir: cannot make the folder " + path + ": " + std::strerror(errno) +
                                               " (" + above.string() + ")"};
  return path + " is not there yet; a start makes it";
}

}  // namespace

int exit_of_store(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::damaged:
    case ErrorCode::unsupported_version: return EX_DATAERR;
    case ErrorCode::model_mismatch:
    case ErrorCode::dimension_mismatch: return EX_CONFIG;
    case ErrorCode::unavailable: return EX_UNAVAILABLE;
    case ErrorCode::not_found:
    case ErrorCode::cannot_create: return EX_CANTCREAT;
    default: return EX_IOERR;
  }
}

Result<std::string> look_into_data_dir(const config::Config& config) {
  const std::string& path = *config.data_dir;
  std::error_code problem;
  if (!std::filesystem::exists(path, problem)) return look_above(path);
  auto journal = StoreJournal::open(config, {.read_only = true});
  if (!journal.ok()) {
    if (journal.error().code == ErrorCode::not_found) return path + " holds nothing yet";
    if (journal.error().code == ErrorCode::unavailable) return path + " was not looked into: a daemon is using it";
    return journal.error();
  }
  std::size_t count = 0;
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  const auto read = stored_routes(**journal, config.index.dimension, threads).read([&count](const StoredRoute&) {
    return Result<StoredRoutes::Rest>([&count] {
      ++count;
      return Result<void>();
    });
  });
  if (!read.ok()) return read.error();
  return path + " holds " + std::to_string(count) + " routes made at run time";
}

}  // namespace semroute::router
