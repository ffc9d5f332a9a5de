// runs_slowly: whether this is a sanitizer build or runs under an emulator (./test.sh neon), ten times slower or worse.
// There a test may ask for less of the same; what it holds is held by the release build in full.
#pragma once

#include <cstdlib>

#include "tests/support/sanitizer.h"

namespace semroute::test {

[[nodiscard]] inline bool runs_slowly() {
  return SEMROUTE_SANITIZED != 0 || std::getenv("SEMROUTE_TEST_EMULATOR") != nullptr;
}

}  // namespace semroute::test
