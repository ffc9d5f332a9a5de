#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "router/tool/ask.h"
#include "router/tool/table.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

class RoutesGet final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("NAME", name_, "the route");
    options.flag("--vectors", vectors_, "with the references' vectors, as they are stored");
    options.integer("--offset", offset_, 0, UINT32_MAX, "the first reference");
    options.integer("--limit", limit_, 1, core::kMaxRoutesPage, "how many references");
  }

  Exit run(const Context& context) override {
    std::string line = R"({"id":1,"op":"routes.get","name":)";
    append_json_string(name_, line);
    line += std::string(R"(,"vectors":)") + (vectors_ ? "true" : "false") + R"(,"offset":)" + std::to_string(offset_) +
            R"(,"limit":)" + std::to_string(limit_) + "}";
    const auto asked = ask(context, server_, line);
    if (const Exit* said = std::get_if<Exit>(&asked)) return *said;
    const config::Value* route = std::get<Answer>(asked).value.find("route");
    if (route == nullptr || route->map() == nullptr) {
      return context.fail(Exit::software, "the reply has no map `route`");
    }
    Table facts;
    facts.column("key");
    facts.column("value");
    for (const config::Member& member : *route->map()) {
      if (member.key != "references" && member.key != "negatives") facts.row({member.key, value_text(&member.value)});
    }
    facts.print(context.out);
    print_rows(context, "references", route->find("references"));
    print_rows(context, "negatives", route->find("negatives"));
    return Exit::ok;
  }

 private:
  void print_rows(const Context& context, std::string_view what, const config::Value* rows) const {
    if (rows == nullptr || rows->list() == nullptr || rows->list()->empty()) return;
    context.out << "\n" << what << "\n";
    Table table;
    table.column("row", Align::right);
    table.column("text");
    if (vectors_) table.column("vector");
    for (const config::Value& row : *rows->list()) {
      std::vector<std::string> cells{value_text(row.find("row")), value_text(row.find("text"))};
      if (vectors_) cells.push_back(value_text(row.find("embedding")));
      table.row(std::move(cells));
    }
    table.print(context.out);
  }

  std::string server_{kDefaultServer};
  std::string name_;
  bool vectors_ = false;
  std::uint64_t offset_ = 0;
  std::uint64_t limit_ = 100;
};

}  // namespace

std::unique_ptr<Command> make_routes_get() { return std::make_unique<RoutesGet>(); }

}  // namespace semroute::router::tool
