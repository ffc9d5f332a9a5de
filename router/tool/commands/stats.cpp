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
    for (const char* name : {"target", "kind", "state"}) table.column(name);
    for (const char* name : {"ok", "in flight", "pending", "retries"}) table.column(name, Align::right);
    table.column("errors");
    bool has_endpoints = false;
    for (const config::Member& target : *targets.map()) {
      table.row({target.key, text_of(target.value, "kind"), text_of(target.value, "state"), text_of(target.value, "ok"),
                 text_of(target.value, "in_flight"), text_of(target.value, "pending"), text_of(target.value, "retries"),
                 counts_text(target.value.find("errors"))});
      const config::Value* endpoints = target.value.find("endpoints");
      has_endpoints =
          has_endpoints || (endpoints != nullptr && endpoints->list() != nullptr && !endpoints->list()->empty());
    }
    context.out << "\n";
    table.print(context.out);
    if (has_endpoints) print_endpoints(context, targets);
  }

  static void print_endpoints(const Context& context, const config::Value& targets) {
    Table table;
    for (const char* name : {"target", "endpoint", "state"}) table.column(name);
    for (const char* name : {"in flight", "requests", "retries", "p50 µs", "p90 µs", "p99 µs"})
      table.column(name, Align::right);
    table.column("failures");
    for (const config::Member& target : *targets.map()) {
      const config::Value* endpoints = target.value.find("endpoints");
      if (endpoints == nullptr || endpoints->list() == nullptr) continue;
      for (const config::Value& one : *endpoints->list()) {
        const config::Value* found = one.find("latency_us");
        const config::Value& latency = found != nullptr ? *found : one;
        table.row({target.key, text_of(one, "address"), text_of(one, "state"), text_of(one, "in_flight"),
                   text_of(one, "requests"), text_of(one, "retries"), text_of(latency, "p50"), text_of(latency, "p90"),
                   text_of(latency, "p99"), counts_text(one.find("failures"))});
      }
    }
    context.out << "\n";
    table.print(context.out);
  }

  static std::string text_of(const config::Value& object, std::string_view key) { return value_text(object.find(key)); }

  // A map of numbers: "timeout 3, reset 1".
  static std::string counts_text(const config::Value* counts) {
    std::string text;
    if (counts != nullptr && counts->map() != nullptr)
      for (const config::Member& count : *counts->map())
        text += (text.empty() ? "" : ", ") + count.key + " " + value_text(&count.value);
    return text.empty() ? "-" : text;
  }

  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_stats() { return std::make_unique<Stats>(); }

}  // namespace semroute::router::tool
