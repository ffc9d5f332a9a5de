// allocation_count: how often the calling thread has been through operator new, for tests of what allocates nothing.
//
// A program that calls it gets counting operators in place of the library's. A sanitizer brings its own, which
// find more than a count: there kAllocationsAreCounted is false and the count stays 0.
// Threads: each has a count of its own.
#pragma once

#include <cstddef>

#include "tests/support/sanitizer.h"

namespace semroute::test {

inline constexpr bool kAllocationsAreCounted = SEMROUTE_SANITIZED == 0;

[[nodiscard]] std::size_t allocation_count();

}  // namespace semroute::test
