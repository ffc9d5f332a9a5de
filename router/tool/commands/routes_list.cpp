#include "router/protocol/json_codec.h"
#include "router/tool/ask.h"
#include "router/tool/route_list.h"
#include "router/tool/table.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

class RoutesList final : public Command {
 public:
  void declare(Options& options) override { options.server(server_); }

  Exit run(const Context& context) override {
    auto client = Client::connect(server_);
    if (!client) return context.fail(client.error());
    Refusal refusal;
    const auto listing = list_routes([&](const std::string& members) -> core::Result<config::Value> {
      auto answer = exchange_line(*client, R"({"id":1,"op":"routes.list",)" + members + "}");
      if (!answer) return answer.error();
      refusal = refusal_of(answer->value);
      if (refusal.exit == Exit::ok) return std::move(answer->value);
      if (context.json) context.out << answer->line << "\n";
      return core::Error{core::ErrorCode::internal, refusal.message};
    });
    if (refusal.exit != Exit::ok) return context.fail(refusal.exit, refusal.code + ": " + refusal.message);
    if (!listing) return context.fail(listing.error());
    if (context.json) {
      print_json(context, *listing);
    } else {
      print_table(context, *listing);
    }
    return Exit::ok;
  }

 private:
  static void print_json(const Context& context, const RouteListing& listing) {
    std::string out = R"({"ok":true,"revision":)";
    append_json_number(listing.revision, out);
    out += R"(,"total":)" + std::to_string(listing.routes.size()) + R"(,"routes":[)";
    for (const config::Value& route : listing.routes) {
      if (out.back() != '[') out += ',';
      append_json_value(route, out);
    }
    context.out << out << "]}\n";
  }

  static void print_table(const Context& context, const RouteListing& listing) {
    Table table;
    table.column("route");
    table.column("references", Align::right);
    table.column("threshold", Align::right);
    table.column("target");
    table.column("source");
    table.column("state");
    table.column("version", Align::right);
    for (const config::Value& route : listing.routes) {
      table.row({value_text(route.find("name")), value_text(route.find("reference_count")),
                 value_text(route.find("score_threshold")), value_text(route.find("target")),
                 value_text(route.find("source")), value_text(route.find("state")), value_text(route.find("version"))});
    }
    table.print(context.out);
  }

  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_routes_list() { return std::make_unique<RoutesList>(); }

}  // namespace semroute::router::tool
