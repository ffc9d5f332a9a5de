#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace semroute::core {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "semroute: broken invariant at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace semroute::core
