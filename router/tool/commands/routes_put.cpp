#include <iostream>

#include "router/tool/change_client.h"

namespace semroute::router::tool {
namespace {

class RoutesPut final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("FILE", file_, "YAML, a route as in `routes` of a configuration; - for standard input");
    options.optional_integer("--if-version", if_version_, 0, UINT32_MAX,
                             "only if it has this version; 0: if it is new");
  }

  Exit run(const Context& context) override {
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return fail(context, client.error());
    const auto route =
        file_ == "-" ? read_route(context, std::cin, client->index()) : read_route(context, file_, client->index());
    if (!route.ok()) return fail(context, route.error());
    ChangeBody body{.values = {}, .dimension = client->index().dimension, .extras = "{"};
    body.append_route(*route);
    if (if_version_) body.extras += ",\"if_version\":" + std::to_string(*if_version_);
    body.extras += '}';
    if (const auto done = change(context, *client, Op::routes_put, body); !done.ok())
      return fail(context, done.error());
    if (!context.json) context.out << "route \"" << route->name << "\" is served\n";
    return Exit::ok;
  }

 private:
  std::string server_{kDefaultServer};
  std::string file_;
  std::optional<std::uint64_t> if_version_;
};

}  // namespace

std::unique_ptr<Command> make_routes_put() { return std::make_unique<RoutesPut>(); }

}  // namespace semroute::router::tool
