// Options: the command line of semrouted (contract: --config FILE [--check] [--log-level L] [--log-format F]).
//
// Threads: once, at start. Errors: Result's message is what to print, with exit code 64.
#pragma once

#include <string>

#include "core/base/result.h"
#include "router/daemon/log.h"

namespace semroute::router {

struct Options {
  std::string config_file;
  bool read_only = false;  // data_dir is read and not written
  bool check = false;      // read and check the configuration, then exit
  bool help = false;
  bool version = false;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

[[nodiscard]] core::Result<Options> parse_options(int argc, char** argv);
[[nodiscard]] std::string usage();

}  // namespace semroute::router
