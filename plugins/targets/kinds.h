// What the files of the kinds share. Each defines the function that registry.cpp names for it, which gives its Kind.
//
// Threads: any; no shared state.
#pragma once

#include <algorithm>
#include <cmath>

#include "config/value.h"
#include "plugins/refusals.h"
#include "plugins/registry.h"
#include "plugins/target.h"
#include "plugins/targets/target_reader.h"

namespace semroute::plugins {

// Whether JSON can carry it.
[[nodiscard]] inline bool is_finite(const config::Value& value) {
  if (const double* real = value.real()) return std::isfinite(*real);
  if (const auto* list = value.list()) return std::ranges::all_of(*list, is_finite);
  if (const auto* map = value.map()) {
    return std::ranges::all_of(*map, [](const config::Member& member) { return is_finite(member.value); });
  }
  return true;
}

}  // namespace semroute::plugins
