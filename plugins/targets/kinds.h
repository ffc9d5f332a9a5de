// What the files of the kinds share. Each defines the function that registry.cpp names for it, which gives its Kind.
//
// Threads: any; no shared state.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

#include "config/config.h"
#include "config/map_reader.h"
#include "plugins/registry.h"
#include "plugins/target.h"

namespace semroute::plugins {

// For telling whether a kind found a problem of its own; the Diagnostics may hold others already.
[[nodiscard]] inline std::size_t problem_count(const config::Diagnostics& diagnostics) noexcept {
  return diagnostics.all().size() + diagnostics.omitted();
}

// Whether JSON can carry it.
[[nodiscard]] inline bool is_finite(const config::Value& value) {
  if (const double* real = value.real()) return std::isfinite(*real);
  if (const auto* list = value.list()) return std::ranges::all_of(*list, is_finite);
  if (const auto* map = value.map()) {
    return std::ranges::all_of(*map, [](const config::Member& member) { return is_finite(member.value); });
  }
  return true;
}

// The most that a timeout of a target can be.
inline constexpr std::chrono::milliseconds kLongestTimeout = std::chrono::hours(24);

}  // namespace semroute::plugins
