#include <algorithm>
#include <filesystem>
#include <map>

#include "router/tool/change_client.h"

namespace semroute::router::tool {
namespace {

class RoutesImport final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("DIR", folder_, "a folder with one YAML file a route, as `routes export` writes it");
    options.flag("--atomic", atomic_, "all of them in one change, or none; within the daemon's limits.max_change");
  }

  Exit run(const Context& context) override {
    std::vector<std::string> files;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, problem))
      if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
    if (problem) return context.fail(Exit::io, folder_ + ": " + problem.message());
    if (files.empty()) return context.fail(Exit::data, folder_ + ": there is no .yaml file");
    std::ranges::sort(files);
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return context.fail(client.error());
    return atomic_ ? import_all(context, *client, files) : import_each(context, *client, files);
  }

 private:
  // A route that two files make would be what the second says, and nobody would know.
  bool is_first(const Context& context, const std::string& name, const std::string& file) {
    const auto [there, is_new] = files_of_.emplace(name, file);
    if (!is_new) context.err << file << ": route \"" << name << "\" is in " << there->second << " already\n";
    return is_new;
  }

  Exit import_all(const Context& context, ChangeClient& client, const std::vector<std::string>& files) {
    ChangeBody body{.values = {}, .dimension = client.index().dimension, .extras = "{\"changes\":["};
    for (const std::string& file : files) {
      const auto route = read_route(context, file, client.index());
      if (!route || !is_first(context, route->name, file)) return context.fail(Exit::data, "nothing was imported");
      if (body.extras.back() != '[') body.extras += ',';
      body.extras += "{\"put\":{";
      body.append_route(*route);
      body.extras += "}}";
    }
    body.extras += "]}";
    if (const auto failed = change(context, client, Op::routes_batch, body))
      return context.fail(*failed, "nothing was imported");
    if (!context.json) context.out << files.size() << " routes are served\n";
    return Exit::ok;
  }

  Exit import_each(const Context& context, ChangeClient& client, const std::vector<std::string>& files) {
    std::size_t done = 0;
    for (const std::string& file : files) {
      const auto route = read_route(context, file, client.index());
      std::optional<Exit> failed = Exit::data;
      if (route && is_first(context, route->name, file)) {
        ChangeBody body{.values = {}, .dimension = client.index().dimension, .extras = "{"};
        body.append_route(*route);
        body.extras += '}';
        failed = change(context, client, Op::routes_put, body);
      }
      if (failed)
        return context.fail(*failed, file + " was not imported, nor were those after it; " + std::to_string(done) +
                                         " of " + std::to_string(files.size()) + " routes were");
      ++done;
    }
    if (!context.json) context.out << done << " routes are served\n";
    return Exit::ok;
  }

  std::string server_{kDefaultServer};
  std::string folder_;
  bool atomic_ = false;
  std::map<std::string, std::string> files_of_;  // by route
};

}  // namespace

std::unique_ptr<Command> make_routes_import() { return std::make_unique<RoutesImport>(); }

}  // namespace semroute::router::tool
