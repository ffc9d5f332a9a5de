// ask: one request line to the daemon and its reply, for commands that need no more.
//
// Threads: the caller's. Errors: already told to the user when the return value holds an Exit.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "config/value.h"
#include "router/tool/client.h"
#include "router/tool/command.h"

namespace semroute::router::tool {

struct Answer {
  std::string line;     // as it came
  config::Value value;  // a map
};

// Sends `line` (without "\n") and reads one reply; an ok:false is an Answer too.
[[nodiscard]] core::Result<Answer> exchange_line(Client& client, std::string_view line,
                                                 std::chrono::milliseconds timeout = kReplyTimeout);

// The next line of a reply in parts.
[[nodiscard]] core::Result<Answer> next_line(Client& client, std::chrono::milliseconds timeout = kReplyTimeout);

// Connects, asks, prints the line itself with --output json, and tells of every problem, also of an ok:false.
// The Answer is there to be printed as text; an Exit means that all is said.
[[nodiscard]] std::variant<Exit, Answer> ask(const Context& context, const std::string& server, std::string_view line);

// The error of an ok:false: its exit code, and "code: message".
struct Refusal {
  Exit exit = Exit::ok;
  std::string code;
  std::string message;
};
[[nodiscard]] Refusal refusal_of(const config::Value& reply);

}  // namespace semroute::router::tool
