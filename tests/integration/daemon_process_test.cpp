// What the other tests of this folder rest on: the daemon is built as they are, and its bad end is their failure.
#include "tests/support/daemon_process.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include "tests/integration/tiny_config.h"
#include "tests/support/sanitizer.h"

namespace semroute::test {
namespace {

// A sanitizer's run time lists its options on request.
TEST(DaemonProcess, TheProgramsHaveTheSanitizerOfTheirTests) {
  for (const auto& program : {daemon_path(), tool_path()}) {
    const auto help = run_program({program, "--version"}, 60, {"ASAN_OPTIONS=help=1", "TSAN_OPTIONS=help=1"});
    EXPECT_EQ(help.output.find("flags for AddressSanitizer") != std::string::npos, SEMROUTE_ADDRESS_SANITIZED != 0)
        << program;
    EXPECT_EQ(help.output.find("flags for ThreadSanitizer") != std::string::npos, SEMROUTE_THREAD_SANITIZED != 0)
        << program;
  }
}

TEST(DaemonProcess, ACrashIsAFailureOfTheTest) {
  EXPECT_NONFATAL_FAILURE(
      {
        const DaemonProcess daemon(tiny_config());
        daemon.signal(SIGKILL);
      },
      "the daemon did not end well");
}

TEST(DaemonProcess, AWrongConfigurationDoesNotStart) {
  try {
    const DaemonProcess daemon("colour: red\n");
    ADD_FAILURE() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("colour"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace semroute::test
