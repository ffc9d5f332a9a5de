// Durability: when what a store was given is on the disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace semroute::core {

enum class Durability : std::uint8_t {
  always,    // before commit() returns
  interval,  // at most StoreParams::interval later: a power cut may lose that much, a crash of the program nothing
  off,       // when the operating system likes: a power cut may lose more
};

[[nodiscard]] constexpr std::string_view to_string(Durability durability) noexcept {
  switch (durability) {
    case Durability::always: return "always";
    case Durability::interval: return "interval";
    case Durability::off: return "off";
  }
  return "";
}

}  // namespace semroute::core
