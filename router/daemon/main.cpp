// semrouted: reads the command line, then checks the configuration or runs the Daemon on it.
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "core/kernels/kernels.h"
#include "router/daemon/daemon.h"
#include "router/daemon/data_dir.h"
#include "router/daemon/log.h"
#include "router/daemon/options.h"
#include "router/routes/load_routing.h"

namespace {

using namespace semroute;

// What a start or a reload would say to the file.
int check(const std::string& file) {
  const router::RoutingLoad load = router::load_routing(file);
  for (const auto& problem : load.outcome.problems) std::fprintf(stderr, "%s\n", config::to_string(problem).c_str());
  if (load.outcome.omitted > 0) std::fprintf(stderr, "... and %zu more\n", load.outcome.omitted);
  if (load.errors() > 0) return EX_CONFIG;
  std::printf("%s is valid: %zu routes\n", file.c_str(), load.routing->table.routes().size());
  if (load.outcome.config->data_dir) {
    const auto found = router::look_into_data_dir(*load.outcome.config);
    if (!found.ok()) {
      std::fprintf(stderr, "%s\n", found.error().message.c_str());
      return router::exit_of_store(found.error().code);
    }
    std::printf("%s\n", found->c_str());
  }
  return std::fflush(stdout) == 0 ? EX_OK : EX_IOERR;
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
    return std::fflush(stdout) == 0 ? EX_OK : EX_IOERR;
  }
  const char* isa = std::getenv("SEMROUTE_ISA");
  if (const auto kernels = core::select_kernels(isa != nullptr ? isa : ""); !kernels.ok()) {
    std::fprintf(stderr, "semrouted: %s\n", kernels.error().message.c_str());
    return EX_CONFIG;
  }
  if (options->check) return check(options->config_file);
  router::start_logging(options->log_level, options->log_format);
  return router::Daemon(options->config_file, {.read_only = options->read_only}).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "semrouted: %s\n", error.what());
  return EX_SOFTWARE;
}
