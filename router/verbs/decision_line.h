// The decision log's line for one decision (fields: docs/operations.md).
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "router/daemon/service_state.h"
#include "router/decide/decide.h"

namespace semroute::router {

struct StageTimes {
  std::uint64_t decode_ns = 0;
  std::uint64_t search_ns = 0;
  std::uint64_t decide_ns = 0;
  std::uint64_t dispatch_ns = 0;
};

struct DispatchNote {
  std::string_view target;
  std::string_view outcome;  // "ok" or an error code
};

// Appends one line with its "\n". `embedding` empty: not logged.
void append_decision_line(const ServiceState& state, std::string_view request_id, const Decision& decision,
                          const StageTimes& times, const std::optional<DispatchNote>& dispatch,
                          std::span<const float> embedding, std::string& out);

}  // namespace semroute::router
