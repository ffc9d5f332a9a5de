// refusals: what every kind of target says when a request does not get as far as being sent.
//
// Threads: pure functions.
#pragma once

#include "core/base/result.h"
#include "plugins/target.h"

namespace semroute::plugins {

[[nodiscard]] inline core::Error deadline_passed() {
  return {core::ErrorCode::timeout, "the deadline passed before the request was sent"};
}

[[nodiscard]] inline core::Error too_many_wait() {
  return {core::ErrorCode::overloaded, "too many requests wait for this target (limits.pending)"};
}

// Completes the call when its deadline has passed already.
[[nodiscard]] inline bool refuse_late(const DispatchRequest& request, Clock::time_point now, const Completion& done) {
  if (request.deadline > now) return false;
  done({deadline_passed(), false});
  return true;
}

}  // namespace semroute::plugins
