#include "router/daemon/options.h"

#include <getopt.h>

#include <array>

namespace semroute::router {

std::string usage() {
  return R"(usage: semrouted --config FILE [options]

Takes embeddings over TCP, decides which route each belongs to, and dispatches to the route's target.

  -c, --config FILE        the configuration (YAML; docs/configuration.md)
      --check              check the configuration and look into data_dir, print every problem; exit 0, or
                           what a start would end with (78: the configuration)
      --read-only          serve what data_dir holds, write nothing there, and take no changes of routes
      --log-level LEVEL    debug | info | warning | error     (info)
      --log-format FORMAT  text | json                        (text)
      --version            print the version
  -h, --help               print this

Signals: SIGHUP reloads the configuration, SIGTERM and SIGINT drain and exit (a second one exits at
once), SIGUSR1 reopens the decision log.
)";
}

core::Result<Options> parse_options(int argc, char** argv) {
  enum Long { kCheck = 256, kReadOnly, kLevel, kFormat, kVersion };
  static constexpr std::array<option, 8> kLong{{{"config", required_argument, nullptr, 'c'},
                                                {"check", no_argument, nullptr, kCheck},
                                                {"read-only", no_argument, nullptr, kReadOnly},
                                                {"log-level", required_argument, nullptr, kLevel},
                                                {"log-format", required_argument, nullptr, kFormat},
                                                {"version", no_argument, nullptr, kVersion},
                                                {"help", no_argument, nullptr, 'h'},
                                                {nullptr, 0, nullptr, 0}}};
  const auto wrong = [](std::string message) { return core::Error{core::ErrorCode::bad_request, std::move(message)}; };
  Options options;
  ::opterr = 0;
  ::optind = 1;
  int c = 0;
  while ((c = ::getopt_long(argc, argv, ":c:h", kLong.data(), nullptr)) != -1) {
    if (c == 'c') {
      if (!options.config_file.empty()) return wrong("--config is given twice");
      options.config_file = ::optarg;
    } else if (c == 'h') {
      options.help = true;
    } else if (c == kCheck) {
      options.check = true;
    } else if (c == kReadOnly) {
      options.read_only = true;
    } else if (c == kVersion) {
      options.version = true;
    } else if (c == kLevel) {
      const auto level = parse_log_level(::optarg);
      if (!level)
        return wrong("--log-level: expected debug, info, warning or error, found \"" + std::string(::optarg) + "\"");
      options.log_level = *level;
    } else if (c == kFormat) {
      const auto format = parse_log_format(::optarg);
      if (!format) return wrong("--log-format: expected text or json, found \"" + std::string(::optarg) + "\"");
      options.log_format = *format;
    } else {
      return wrong((c == ':' ? "missing value for " : "unknown option ") + std::string(argv[::optind - 1]));
    }
  }
  if (::optind < argc) return wrong("unexpected argument \"" + std::string(argv[::optind]) + "\"");
  if (options.config_file.empty() && !options.help && !options.version) {
    return wrong("--config FILE is missing");
  }
  return options;
}

}  // namespace semroute::router
