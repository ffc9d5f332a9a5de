// SEMROUTE_CHECK(condition): aborts with file and line when the condition is false, in every build
// type. For bugs only (a broken invariant or precondition), never for input. Any thread.
#pragma once

namespace semroute::core {
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace semroute::core

#define SEMROUTE_CHECK(condition)                                     \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::semroute::core::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
