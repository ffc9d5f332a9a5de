#include "tests/support/places.h"

#include <cstdlib>

namespace semroute::test {

std::string source_path(const std::string& relative) { return SEMROUTE_SOURCE_DIR "/" + relative; }
std::string daemon_path() { return SEMROUTE_BUILD_DIR "/semrouted"; }
std::string faulty_daemon_path() { return SEMROUTE_BUILD_DIR "/tests/semrouted_with_faults"; }
std::string tool_path() { return SEMROUTE_BUILD_DIR "/semroute"; }

std::string plugin_path(const std::string& variant) {
  return SEMROUTE_BUILD_DIR "/tests/test_plugin_" + variant + ".so";
}

std::string test_data_folder() {
  const char* given = std::getenv("SEMROUTE_TEST_DATA");
  return given != nullptr ? given : source_path("../shared/data");
}

}  // namespace semroute::test
