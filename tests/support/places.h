// Where tests find the repository's files, the programs of their own build folder, and the large data sets.
//
// The paths are compiled into places.cpp alone, so that the objects of all other tests are the same in every clone.
#pragma once

#include <string>

namespace semroute::test {

// `relative` to the repository's root.
[[nodiscard]] std::string source_path(const std::string& relative);
// The programs that were built with the tests, by the same compiler with the same sanitizer.
[[nodiscard]] std::string daemon_path();
[[nodiscard]] std::string tool_path();
// semrouted with calls that end it or fail, and with small files (tests/integration/faulty_daemon/).
[[nodiscard]] std::string faulty_daemon_path();
// A shared object made of test_plugin.cpp: "good", "wrong_version", "no_symbol", "no_dispatch".
[[nodiscard]] std::string plugin_path(const std::string& variant);
// SEMROUTE_TEST_DATA, else ../shared/data beside the repository. It need not be there.
[[nodiscard]] std::string test_data_folder();

}  // namespace semroute::test
