// semrouted: reads the command line and the configuration, then runs the Daemon.
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "config/load.h"
#include "core/kernels/kernels.h"
#include "plugins/registry.h"
#include "router/daemon/daemon.h"
#include "router/daemon/log.h"
#include "router/daemon/options.h"

namespace {

using namespace semroute;

// Prints every problem; whether the configuration can be used.
bool report(const config::LoadOutcome& loaded) {
  for (const auto& problem : loaded.problems) std::fprintf(stderr, "%s\n", config::to_string(problem).c_str());
  if (loaded.omitted > 0) std::fprintf(stderr, "... and %zu more\n", loaded.omitted);
  return loaded.config.has_value();
}

}  // namespace

int main(int argc, char** argv) try {
  const auto options = router::parse_options(argc, argv);
  if (!options.ok()) {
    std::fprintf(stderr, "semrouted: %s\nTry semrouted --help.\n", options.error().message.c_str());
    return EX_USAGE;
  }
  if (options->help || options->version) {
    std::fputs(options->help ? router::usage().c_str() : "semrouted " SEMROUTE_VERSION "\n", stdout);
    return EX_OK;
  }
  const char* isa = std::getenv("SEMROUTE_ISA");
  if (const auto kernels = core::select_kernels(isa != nullptr ? isa : ""); !kernels.ok()) {
    std::fprintf(stderr, "semrouted: SEMROUTE_ISA: %s\n", kernels.error().message.c_str());
    return EX_CONFIG;
  }
  auto loaded = config::load_config(options->config_file, plugins::check_target);
  if (!report(loaded)) return EX_CONFIG;
  if (options->check) {
    std::printf("%s is valid: %zu routes\n", options->config_file.c_str(), loaded.config->routes.size());
    return EX_OK;
  }
  router::start_logging(options->log_level, options->log_format);
  return router::Daemon(options->config_file).run(std::move(*loaded.config));
} catch (const std::exception& error) {
  std::fprintf(stderr, "semrouted: %s\n", error.what());
  return EX_SOFTWARE;
}
