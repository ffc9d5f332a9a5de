// run_tool: the whole of `semroute`, from its arguments to its exit code.
//
// `arguments` leaves out the program's name. Also what main.cpp calls; tests call it in process.
// Errors: all written to `err`, with an exit code of exit_code.h; `out` that cannot be written is
// exit 74.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace semroute::router::tool {

[[nodiscard]] int run_tool(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
                           bool err_is_terminal = false);

}  // namespace semroute::router::tool
