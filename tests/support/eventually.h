// eventually: waits for something that another thread or process brings about; the deadline is there for a test that
// would otherwise hang, and is too generous to be a verdict on speed.
#pragma once

#include <chrono>
#include <thread>

namespace semroute::test {

inline constexpr std::chrono::seconds kPatience{60};

// Whether `met()` became true within the patience; asked every few milliseconds.
template <class Condition>
[[nodiscard]] bool eventually(Condition met) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!met()) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace semroute::test
