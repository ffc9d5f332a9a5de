#include "router/protocol/json_codec.h"
#include "router/quality/weak_routes.h"
#include "router/routes/load_routing.h"
#include "router/tool/command.h"

namespace semroute::router::tool {
namespace {

using config::Diagnostic;
using config::Severity;

std::string json_of(const Diagnostic& problem) {
  std::string out =
      problem.severity == Severity::error ? R"({"severity":"error","file":)" : R"({"severity":"warning","file":)";
  append_json_string(problem.file, out);
  out += R"(,"line":)" + std::to_string(problem.place.line) + R"(,"column":)" + std::to_string(problem.place.column) +
         R"(,"key_path":)";
  append_json_string(problem.key_path, out);
  out += R"(,"message":)";
  append_json_string(problem.message, out);
  return out + "}";
}

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

class Check final : public Command {
 public:
  void declare(Options& options) override {
    options.positional("FILE", file_, "the configuration");
    options.flag("--no-warnings", no_warnings_, "leave out the search for weak routes, which takes a while on many");
  }

  Exit run(const Context& context) override {
    RoutingLoad load = load_routing(file_);
    std::vector<Diagnostic> problems = std::move(load.outcome.problems);
    std::size_t routes = 0;
    std::size_t references = 0;
    std::size_t negatives = 0;
    if (load.routing != nullptr) {
      routes = load.routing->table.routes().size();
      references = load.routing->table.reference_count();
      negatives = load.routing->table.negative_count();
      if (!no_warnings_) {
        auto warnings = to_warnings(find_weak_routes(*load.routing), *load.routing, file_);
        problems.insert(problems.end(), std::make_move_iterator(warnings.begin()),
                        std::make_move_iterator(warnings.end()));
      }
    }
    std::size_t errors = 0;
    for (const Diagnostic& problem : problems) errors += problem.severity == Severity::error ? 1 : 0;
    const bool ok = load.routing != nullptr && errors == 0;
    const std::size_t warnings = problems.size() - errors;
    if (context.json) {
      print_json(context, problems, load.outcome.omitted, ok);
    } else {
      for (const Diagnostic& problem : problems) context.out << config::to_string(problem) << "\n";
      if (load.outcome.omitted > 0) context.out << "and " << counted(load.outcome.omitted, "more problem") << "\n";
      context.out << file_ << ": ";
      if (ok) context.out << "ok, " << counted(routes, "route") << ", " << counted(references, "reference") << ", ";
      if (ok && negatives > 0) context.out << counted(negatives, "negative") << ", ";
      if (!ok) context.out << counted(errors + load.outcome.omitted, "error") << ", ";
      context.out << counted(warnings, "warning") << "\n";
    }
    return ok ? Exit::ok : Exit::config;
  }

 private:
  void print_json(const Context& context, const std::vector<Diagnostic>& problems, std::size_t omitted, bool ok) const {
    std::string out = R"({"file":)";
    append_json_string(file_, out);
    out += std::string(R"(,"ok":)") + (ok ? "true" : "false") + R"(,"problems":[)";
    for (const Diagnostic& problem : problems) {
      if (out.back() != '[') out += ',';
      out += json_of(problem);
    }
    context.out << out << R"(],"omitted":)" << omitted << "}\n";
  }

  std::string file_;
  bool no_warnings_ = false;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace semroute::router::tool
