#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "router/protocol/json_codec.h"
#include "router/tool/change_client.h"
#include "router/tool/route_parts.h"

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
      if (is_route_file(entry.path())) files.push_back(entry.path().string());
    if (problem) return fail(context, {core::ErrorCode::io_error, folder_ + ": " + problem.message()});
    if (files.empty())
      return fail(context, {core::ErrorCode::bad_request, folder_ + ": there is no .yaml or .yml file"});
    std::ranges::sort(files);
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return fail(context, client.error());
    return atomic_ ? import_all(context, *client, files) : import_each(context, *client, files);
  }

 private:
  // An editor's copies begin with a dot.
  static bool is_route_file(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return !name.starts_with('.') && (path.extension() == ".yaml" || path.extension() == ".yml");
  }

  // A route that two files make would be what the second says, and nobody would know.
  core::Result<config::RouteConfig> read(const Context& context, const std::string& file,
                                         const config::IndexConfig& index) {
    auto route = read_route(context, file, index);
    if (!route.ok()) return route;
    const auto [there, is_new] = files_of_.emplace(route->name, file);
    if (is_new) return route;
    return core::Error{core::ErrorCode::bad_request,
                       file + ": route \"" + route->name + "\" is in " + there->second + " already"};
  }

  // "changes[3].put.route: ..." as the file that it is of.
  static core::Error of_file(core::Error error, const std::vector<std::string>& files) {
    constexpr std::string_view kPath = "changes[";
    if (!error.message.starts_with(kPath)) return error;
    const char* const end = error.message.data() + error.message.size();
    std::size_t number = 0;
    const auto [rest, status] = std::from_chars(error.message.data() + kPath.size(), end, number);
    if (status == std::errc{} && number < files.size()) error.message = files[number] + ": " + error.message;
    return error;
  }

  // What was done so far is said in the message, too.
  static Exit fail_with(const Context& context, core::Error error, const std::string& more) {
    error.message += "; " + more;
    return fail(context, error);
  }

  Exit import_all(const Context& context, ChangeClient& client, const std::vector<std::string>& files) {
    ChangeBody body{.values = {}, .dimension = client.index().dimension, .extras = "{\"changes\":["};
    for (const std::string& file : files) {
      const auto route = read(context, file, client.index());
      if (!route.ok()) return fail_with(context, route.error(), "nothing was imported");
      if (body.extras.back() != '[') body.extras += ',';
      body.extras += "{\"put\":{";
      body.append_route(*route);
      body.extras += "}}";
    }
    body.extras += "]}";
    if (const auto done = change(context, client, Op::routes_batch, body); !done.ok())
      return fail_with(context, of_file(done.error(), files), "nothing was imported");
    if (!context.json) context.out << files.size() << " routes are served\n";
    return Exit::ok;
  }

  Exit import_each(const Context& context, ChangeClient& client, const std::vector<std::string>& files) {
    std::size_t done = 0;
    for (const std::string& file : files) {
      auto route = read(context, file, client.index());
      const core::Result<void> made =
          route.ok() ? import_one(context, client, std::move(route).value()) : core::Result<void>(route.error());
      if (!made.ok())
        return fail_with(context, made.error(),
                         file + " was not imported, nor were those after it; " + std::to_string(done) + " of " +
                             std::to_string(files.size()) + " routes were");
      ++done;
    }
    if (!context.json) context.out << done << " routes are served\n";
    return Exit::ok;
  }

  // At once, unless it is too large for that.
  static core::Result<void> import_one(const Context& context, ChangeClient& client, config::RouteConfig route) {
    const std::size_t dimension = client.index().dimension;
    bool is_first = true;
    for (const config::RouteConfig& part : parts_of(std::move(route), dimension, kImportPartBytes)) {
      ChangeBody body{.values = {}, .dimension = dimension, .extras = "{"};
      if (is_first) {
        body.append_route(part);
      } else {
        body.extras += "\"name\":";
        append_json_string(part.name, body.extras);
        body.append_rows("add", part.references);
        body.append_rows("add_negatives", part.negatives);
      }
      body.extras += '}';
      auto done = change(context, client, is_first ? Op::routes_put : Op::routes_patch, body);
      if (!done.ok() && !is_first)
        return core::Error{done.error().code, "route \"" + part.name + "\" is there in part: " + done.error().message};
      if (!done.ok()) return done;
      is_first = false;
    }
    return {};
  }

  std::string server_{kDefaultServer};
  std::string folder_;
  bool atomic_ = false;
  std::map<std::string, std::string> files_of_;  // by route
};

}  // namespace

std::unique_ptr<Command> make_routes_import() { return std::make_unique<RoutesImport>(); }

}  // namespace semroute::router::tool
