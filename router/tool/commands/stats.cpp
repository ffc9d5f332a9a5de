#include "router/tool/ask.h"
#include "router/tool/table.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

// Of the reply itself rather than of the daemon.
bool of_the_reply(std::string_view key) { return key == "id" || key == "ok" || key == "request_id"; }

class Stats final : public Command {
 public:
  void declare(Options& options) override { options.server(server_); }

  Exit run(const Context& context) override {
    const auto asked = ask(context, server_, R"({"id":1,"op":"stats"})");
    if (const Exit* said = std::get_if<Exit>(&asked)) return *said;
    const config::Value& reply = std::get<Answer>(asked).value;
    Table table;
    table.column("counter");
    table.column("value", Align::right);
    for (const config::Member& member : *reply.map()) {
      if (of_the_reply(member.key) || member.key == "targets") continue;
      add_rows(table, member.key, member.value);
    }
    table.print(context.out);
    const config::Value* targets = reply.find("targets");
    if (targets != nullptr && targets->map() != nullptr && !targets->map()->empty()) print_targets(context, *targets);
    return Exit::ok;
  }

 private:
  // A map's members as rows of their own: index.bytes.codes.
  static void add_rows(Table& table, const std::string& name, const config::Value& value) {
    if (value.map() == nullptr) return table.row({name, value_text(&value)});
    for (const config::Member& member : *value.map()) add_rows(table, name + "." + member.key, member.value);
  }

  static void print_targets(const Context& context, const config::Value& targets) {
    Table table;
    table.column("target");
    table.column("ok", Align::right);
    table.column("in flight", Align::right);
    table.column("errors");
    for (const config::Member& target : *targets.map()) {
      std::string errors;
      const config::Value* counts = target.value.find("errors");
      if (counts != nullptr && counts->map() != nullptr) {
        for (const config::Member& count : *counts->map()) {
          errors += (errors.empty() ? "" : ", ") + count.key + " " + value_text(&count.value);
        }
      }
      table.row({target.key, value_text(target.value.find("ok")), value_text(target.value.find("in_flight")),
                 errors.empty() ? "-" : errors});
    }
    context.out << "\n";
    table.print(context.out);
  }

  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_stats() { return std::make_unique<Stats>(); }

}  // namespace semroute::router::tool
