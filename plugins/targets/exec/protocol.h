// What an exec target's processes read and write: a request to a line of JSON, and a line back to a reply.
// Byte for byte in docs/targets.md.
//
// Complexity: linear. Threads: pure functions. Errors: upstream_error, with what is wrong with the line, or with what
// the process itself said is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "plugins/target.h"

namespace semroute::plugins {

// With the line break. `id` is the daemon's own, and comes back in the reply.
[[nodiscard]] std::string exec_request_line(std::uint64_t id, const DispatchRequest& request,
                                            Clock::time_point deadline);

struct ExecReply {
  core::Result<DispatchReply> reply;
  bool is_garbage = false;  // no reply to this request: what comes next from the process means nothing
  std::string problem{};    // what made it garbage, with the beginning of the line
};
// `line` without its line break.
[[nodiscard]] ExecReply parse_exec_reply(std::uint64_t id, std::string_view line);

}  // namespace semroute::plugins
