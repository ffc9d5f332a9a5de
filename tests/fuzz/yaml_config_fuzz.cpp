// A configuration file, through the real reader with the real target kinds: every problem has a place in the file,
// and a configuration comes out exactly when there is none.
#include <algorithm>

#include "config/load.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "plugins/registry.h"
#include "tests/fuzz/scratch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute;
  static fuzz::ScratchFile file(".yaml");
  const auto lines = static_cast<std::size_t>(std::count(data, data + size, '\n')) + 1;
  const config::LoadOutcome outcome = config::load_config(file.write(data, size), plugins::check_target);
  SEMROUTE_CHECK(outcome.problems.size() <= core::kMaxDiagnostics);
  SEMROUTE_CHECK(outcome.omitted == 0 || outcome.problems.size() == core::kMaxDiagnostics);
  bool has_errors = false;
  for (const config::Diagnostic& problem : outcome.problems) {
    has_errors = has_errors || problem.severity == config::Severity::error;
    SEMROUTE_CHECK(problem.place.line <= lines + 1);
    SEMROUTE_CHECK(config::to_string(problem).find('\n') == std::string::npos);
  }
  SEMROUTE_CHECK(outcome.config.has_value() != has_errors);
  if (!outcome.config) return 0;
  SEMROUTE_CHECK(outcome.config->index.dimension > 0);
  for (const auto& target : outcome.config->targets) (void)plugins::make_target(target);
  return 0;
}
