// Command: one thing that `semroute` does. One file per command in router/tool/commands/.
//
// Adding a command: its file, its test, and one line in the list (command.cpp).
// A command says what went wrong on Context::err as `semroute NAME: what, where, what to do`, and
// returns the exit code for it (exit_code.h). Machine-readable output goes to Context::out alone.
// Threads: a command runs once, on the thread that calls run().
#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "router/tool/exit_code.h"
#include "router/tool/options.h"

namespace semroute::router::tool {

struct Context {
  std::ostream& out;
  std::ostream& err;
  std::string name;       // as typed: "routes list"
  bool json = false;      // --output json
  bool progress = false;  // err is a terminal: a progress line is welcome

  // Writes "semroute NAME: message" to err and returns `exit`.
  Exit fail(Exit exit, std::string_view message) const;
  Exit fail(const core::Error& error) const { return fail(exit_for(error.code), error.message); }
};

class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Options& options) = 0;
  [[nodiscard]] virtual Exit run(const Context& context) = 0;
};

struct CommandEntry {
  std::string_view name;  // "match", or "routes list"
  std::string_view summary;
  std::unique_ptr<Command> (*make)();  // null: known, not in this version
};

[[nodiscard]] std::span<const CommandEntry> commands() noexcept;

// One for each file in commands/.
[[nodiscard]] std::unique_ptr<Command> make_bench();
[[nodiscard]] std::unique_ptr<Command> make_check();
[[nodiscard]] std::unique_ptr<Command> make_echo();
[[nodiscard]] std::unique_ptr<Command> make_eval();
[[nodiscard]] std::unique_ptr<Command> make_match();
[[nodiscard]] std::unique_ptr<Command> make_route();
[[nodiscard]] std::unique_ptr<Command> make_ping();
[[nodiscard]] std::unique_ptr<Command> make_reload();
[[nodiscard]] std::unique_ptr<Command> make_stats();
[[nodiscard]] std::unique_ptr<Command> make_routes_get();
[[nodiscard]] std::unique_ptr<Command> make_routes_list();
[[nodiscard]] std::unique_ptr<Command> make_store_check();
[[nodiscard]] std::unique_ptr<Command> make_store_repair();
[[nodiscard]] std::unique_ptr<Command> make_routes_put();
[[nodiscard]] std::unique_ptr<Command> make_routes_patch();
[[nodiscard]] std::unique_ptr<Command> make_routes_delete();
[[nodiscard]] std::unique_ptr<Command> make_routes_import();
[[nodiscard]] std::unique_ptr<Command> make_routes_export();

}  // namespace semroute::router::tool
