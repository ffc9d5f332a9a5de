// named_op: the op that a begun line names, before the line has ended.
//
// For lines over limits.max_request: only one that changes routes may go on. Nothing is checked that the decoder will
// not check again. Complexity: linear in what has arrived. Threads: pure.
#pragma once

#include <optional>
#include <string_view>

#include "router/protocol/op.h"

namespace semroute::router {

// Nothing while there is no whole `op` member in the outermost object.
[[nodiscard]] std::optional<Op> named_op(std::string_view begun_line) noexcept;

}  // namespace semroute::router
