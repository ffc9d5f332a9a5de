// The only file that includes CLI11.
#include "router/tool/tool.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <limits>
#include <map>
#include <memory>

#include "core/kernels/kernels.h"
#include "router/tool/command.h"
#include "router/tool/endpoint.h"

namespace semroute::router::tool {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 64 usage, 65 refused data, 69 unavailable, 70 internal, 73 cannot create, "
    "74 I/O error, 78 bad configuration.";
constexpr const char* kServerIsFoundAt =
    "The daemon is found at --server, else $SEMROUTE_SERVER, else 127.0.0.1:7311.\n";

class CliOptions final : public Options {
 public:
  explicit CliOptions(CLI::App& app) : app_(app) {}

  void flag(const std::string& names, bool& value, const std::string& help) override {
    app_.add_flag(names, value, help);
  }
  void text(const std::string& names, std::optional<std::string>& value, const std::string& value_name,
            const std::string& help) override {
    app_.add_option(names, value, help)->type_name(value_name);
  }
  void required_text(const std::string& names, std::string& value, const std::string& value_name,
                     const std::string& help) override {
    app_.add_option(names, value, help)->type_name(value_name)->required();
  }
  void text_list(const std::string& names, std::vector<std::string>& values, const std::string& value_name,
                 const std::string& help) override {
    list(app_.add_option(names, values, help))->type_name(value_name + ",...")->delimiter(',');
  }
  void repeated_text(const std::string& names, std::vector<std::string>& values, const std::string& value_name,
                     const std::string& help) override {
    list(app_.add_option(names, values, help))->type_name(value_name);
  }
  void real_list(const std::string& names, std::vector<double>& values, const std::string& help) override {
    list(app_.add_option(names, values, help))->type_name("NUMBER,...")->delimiter(',');
  }
  void integer(const std::string& names, std::uint64_t& value, std::uint64_t least, std::uint64_t most,
               const std::string& help) override {
    in_range(app_.add_option(names, value, help)->capture_default_str(), least, most);
  }
  void optional_integer(const std::string& names, std::optional<std::uint64_t>& value, std::uint64_t least,
                        std::uint64_t most, const std::string& help) override {
    in_range(app_.add_option(names, value, help), least, most);
  }
  void choice(const std::string& names, std::string& value, const std::vector<std::string>& words,
              const std::string& help) override {
    std::string type;
    for (const std::string& word : words) type += (type.empty() ? "" : "|") + word;
    app_.add_option(names, value, help)
        ->capture_default_str()
        ->type_name(type)
        ->check([words, type](const std::string& given) {
          return std::ranges::find(words, given) == words.end() ? "expected " + type + ", found \"" + given + "\""
                                                                : std::string{};
        });
  }
  void positional(const std::string& name, std::string& value, const std::string& help) override {
    app_.add_option(name, value, help)->type_name("")->required();
  }
  void server(std::string& value) override {
    app_.add_option("--server", value, "the daemon's `listen` address")
        ->capture_default_str()
        ->type_name("HOST:PORT")
        ->envname("SEMROUTE_SERVER")
        ->check([](const std::string& given) {
          const auto endpoint = parse_endpoint(given);
          return endpoint ? std::string{} : endpoint.error().message;
        });
    app_.footer(std::string(kServerIsFoundAt) + kExitCodes);
  }

 private:
  // One value an occurrence, so that a following positional is not swallowed.
  static CLI::Option* list(CLI::Option* option) { return option->allow_extra_args(false); }

  static void in_range(CLI::Option* option, std::uint64_t least, std::uint64_t most) {
    option->type_name("N")->check([least, most](const std::string& given) {
      const std::string range =
          std::to_string(least) +
          (most == std::numeric_limits<std::uint64_t>::max() ? " or more" : ".." + std::to_string(most));
      const std::string problem = "expected an integer " + range + ", found \"" + given + "\"";
      if (given.empty() || given.find_first_not_of("0123456789") != std::string::npos) return problem;
      std::uint64_t number = 0;
      if (!CLI::detail::lexical_cast(given, number) || number < least || number > most) return problem;
      return std::string{};
    });
  }

  CLI::App& app_;
};

struct Declared {
  const CommandEntry* entry = nullptr;
  std::unique_ptr<Command> command;
  CLI::App* app = nullptr;
};

// "routes list" is declared as `list` under `routes`.
CLI::App* declare_path(CLI::App& root, std::map<std::string, CLI::App*>& groups, const CommandEntry& entry) {
  const std::string name(entry.name);
  const std::string later = entry.make == nullptr ? " (not in this version)" : "";
  const auto space = name.find(' ');
  if (space == std::string::npos) return root.add_subcommand(name, std::string(entry.summary) + later);
  const std::string group = name.substr(0, space);
  CLI::App*& parent = groups[group];
  if (parent == nullptr) {
    parent =
        root.add_subcommand(group, group == "routes" ? "look at routes, and change them" : "look after a data_dir");
    parent->require_subcommand(1);
  }
  return parent->add_subcommand(name.substr(space + 1), std::string(entry.summary) + later);
}

int usage_error(const CLI::ParseError& error, const std::vector<std::string>& rest, const std::string& command,
                std::ostream& err) {
  const std::string name = command.empty() ? "semroute" : "semroute " + command;
  const bool unknown_command = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !rest.empty() &&
                               (command.empty() || command == "routes" || command == "store");
  const std::string what = unknown_command ? "there is no command \"" + rest.front() + "\"" : error.what();
  err << name << ": " << what << "\nRun \"" << name << " --help\" for what it takes.\n";
  return static_cast<int>(Exit::usage);
}

// The deepest command that the arguments reached, for messages.
std::string reached(const CLI::App& root) {
  std::string path;
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += (path.empty() ? "" : " ") + app->get_name();
  }
  return path;
}

int run_declared(Declared& declared, bool json, std::ostream& out, std::ostream& err, bool err_is_terminal) {
  const Context context{out, err, std::string(declared.entry->name), json, err_is_terminal};
  const char* isa = std::getenv("SEMROUTE_ISA");
  if (const auto kernels = core::select_kernels(isa != nullptr ? isa : ""); !kernels.ok())
    return static_cast<int>(context.fail(Exit::config, kernels.error().message));
  const Exit exit = declared.command->run(context);
  out.flush();
  if (!out) return static_cast<int>(context.fail(Exit::io, "cannot write to the standard output"));
  return static_cast<int>(exit);
}

}  // namespace

int run_tool(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err, bool err_is_terminal) {
  CLI::App root("semroute: try, measure and look after semrouted.", "semroute");
  root.set_version_flag("--version", "semroute " SEMROUTE_VERSION);
  root.require_subcommand(1);
  root.footer(kExitCodes);  // which commands take over
  std::string output = "text";
  std::map<std::string, CLI::App*> groups;
  std::vector<Declared> all;
  for (const CommandEntry& entry : commands()) {
    Declared declared{&entry, nullptr, declare_path(root, groups, entry)};
    if (entry.make == nullptr) {
      declared.app->allow_extras();
      declared.app->set_help_flag();
    } else {
      CliOptions options(*declared.app);
      declared.command = entry.make();
      declared.command->declare(options);
      options.choice("--output", output, {"text", "json"}, "how to print");
    }
    all.push_back(std::move(declared));
  }
  root.footer(std::string(kServerIsFoundAt) + kExitCodes);
  // CLI11 takes the arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    root.parse(reversed);
  } catch (const CLI::Success& success) {
    root.exit(success, out, err);
    out.flush();
    return static_cast<int>(out ? Exit::ok : Exit::io);
  } catch (const CLI::ParseError& error) {
    return usage_error(error, root.remaining(true), reached(root), err);
  }
  const auto chosen = std::ranges::find_if(all, [](const Declared& declared) { return declared.app->parsed(); });
  if (chosen->command == nullptr) {
    err << "semroute " << chosen->entry->name << ": known, not in this version\n";
    return static_cast<int>(Exit::usage);
  }
  return run_declared(*chosen, output == "json", out, err, err_is_terminal);
}

}  // namespace semroute::router::tool
