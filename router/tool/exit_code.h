// Exit codes of the tool, after sysexits.h (docs: `semroute --help`).
#pragma once

#include "core/base/result.h"

namespace semroute::router::tool {

enum class Exit : int {
  ok = 0,
  usage = 64,          // the command line
  data = 65,           // a vector, label or request that was refused
  unavailable = 69,    // the daemon or a target cannot be reached, or does not answer in time
  software = 70,       // the daemon broke the protocol, or said `internal`
  cannot_create = 73,  // a folder that is to be new
  io = 74,             // a file or socket that cannot be read or written
  config = 78,         // a wrong configuration
};

// The exit code of an error reply or of a failed operation.
[[nodiscard]] constexpr Exit exit_for(core::ErrorCode code) noexcept {
  using core::ErrorCode;
  switch (code) {
    case ErrorCode::internal: return Exit::software;
    case ErrorCode::resource_exhausted:
    case ErrorCode::overloaded:
    case ErrorCode::timeout:
    case ErrorCode::cancelled:
    case ErrorCode::unavailable:
    case ErrorCode::upstream_unavailable:
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_error: return Exit::unavailable;
    default: return Exit::data;
  }
}

}  // namespace semroute::router::tool
