#include "router/tool/ask.h"
#include "router/tool/table.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

class RoutesList final : public Command {
 public:
  void declare(Options& options) override { options.server(server_); }

  Exit run(const Context& context) override {
    const auto asked = ask(context, server_, R"({"id":1,"op":"routes.list"})");
    if (const Exit* said = std::get_if<Exit>(&asked)) return *said;
    const config::Value* routes = std::get<Answer>(asked).value.find("routes");
    if (routes == nullptr || routes->list() == nullptr) {
      return context.fail(Exit::software, "the reply has no list `routes`");
    }
    Table table;
    table.column("route");
    table.column("references", Align::right);
    table.column("threshold", Align::right);
    table.column("target");
    table.column("source");
    table.column("state");
    table.column("version", Align::right);
    for (const config::Value& route : *routes->list()) {
      table.row({value_text(route.find("name")), value_text(route.find("reference_count")),
                 value_text(route.find("score_threshold")), value_text(route.find("target")),
                 value_text(route.find("source")), value_text(route.find("state")), value_text(route.find("version"))});
    }
    table.print(context.out);
    return Exit::ok;
  }

 private:
  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_routes_list() { return std::make_unique<RoutesList>(); }

}  // namespace semroute::router::tool
