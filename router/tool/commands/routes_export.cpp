#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "router/tool/change_client.h"
#include "router/tool/json_text.h"
#include "router/tool/route_files.h"
#include "router/tool/route_list.h"

namespace semroute::router::tool {
namespace {

// Numbers in one reply: some bytes each, well below the default of limits.max_output_buffer.
constexpr std::size_t kNumbersOfPage = std::size_t{1} << 19;
// What changes while it is read is read again, so often.
constexpr int kMostTries = 10;

class RoutesExport final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("DIR", folder_,
                       "a new folder: one YAML file a route, with NPY files for vectors and JSONL for texts");
    options.flag("--all", all_, "those of the configuration, too, instead of those made at run time alone");
    options.flag("--any-revision", any_revision_, "each route as it is when its turn comes, while others change");
  }

  Exit run(const Context& context) override {
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return fail(context, client.error());
    std::error_code problem;
    if (std::filesystem::exists(folder_, problem))
      return fail(context, {core::ErrorCode::cannot_create, folder_ + ": it is there already"});
    // Under its name once it is whole.
    const std::string unfinished = folder_ + ".new";
    for (int tries = 1;; ++tries) {
      if (!std::filesystem::create_directory(unfinished, problem))
        return fail(context, {core::ErrorCode::cannot_create,
                              unfinished + ": " + (problem ? problem.message() : "it is there already")});
      auto written = write_all(*client, unfinished);
      if (written.ok()) {
        std::filesystem::rename(unfinished, folder_, problem);
        if (!problem) {
          context.out << (context.json ? "{\"routes\":" + std::to_string(*written) + "}"
                                       : std::to_string(*written) + " routes are in " + folder_)
                      << "\n";
          return Exit::ok;
        }
        written = core::Error{core::ErrorCode::cannot_create, folder_ + ": " + problem.message()};
      }
      std::filesystem::remove_all(unfinished, problem);
      if (written.error().code != core::ErrorCode::conflict || tries == kMostTries)
        return fail(context, written.error());
    }
  }

 private:
  // How many routes are in the folder. conflict: they changed meanwhile.
  [[nodiscard]] core::Result<std::size_t> write_all(ChangeClient& client, const std::string& folder) const {
    const auto listing =
        list_routes([&](const std::string& members) { return ask(client, Op::routes_list, '{' + members + '}'); });
    if (!listing.ok()) return listing.error();
    std::size_t written = 0;
    for (const config::Value& summary : listing->routes) {
      if (!is_wanted(summary)) continue;
      const std::string name = text_of(summary, "name").value_or("");
      const auto route = any_revision_ ? read(client, name) : read_once(client, name, listing->revision);
      if (!route.ok()) return route.error();
      if (route->name.empty())
        return core::Error{core::ErrorCode::conflict,
                           "routes change faster than they can be exported as of one revision; --any-revision takes "
                           "each as it is when its turn comes"};
      if (route->references.values.empty()) continue;  // a default route may have none, and cannot be put
      if (auto done = write_route(folder, ++written, client.index().dimension, *route); !done.ok())
        return core::Error{core::ErrorCode::io_error, done.error().message};
    }
    return written;
  }

  static core::Result<config::Value> ask(ChangeClient& client, Op op, const std::string& extras) {
    const auto reply = client.exchange({.op = op, .extras = extras});
    if (!reply.ok()) return reply.error();
    if (reply->error) return *reply->error;
    return parse_json(reply->extras);
  }

  // A parked route that stands beside one of the file cannot be asked for by its name.
  [[nodiscard]] bool is_wanted(const config::Value& summary) const {
    const bool is_file = text_of(summary, "source") == "file";
    const bool is_hidden = text_of(summary, "state") == "parked" &&
                           text_of(summary, "reason") == "the configuration has a route of this name";
    return !is_hidden && (all_ || !is_file);
  }

  static core::Result<config::RouteConfig> read(ChangeClient& client, const std::string& name) {
    for (int tries = 0; tries < kMostTries; ++tries) {
      auto route = read_once(client, name, std::nullopt);
      if (!route.ok() || !route->name.empty()) return route;
    }
    return core::Error{core::ErrorCode::conflict, "route \"" + name + "\" changes faster than it can be read"};
  }

  // Without a name when the route changed between two pages, or the table is of another revision than it should be.
  static core::Result<config::RouteConfig> read_once(ChangeClient& client, const std::string& name,
                                                     std::optional<double> revision) {
    const std::size_t dimension = client.index().dimension;
    std::size_t limit = std::clamp<std::size_t>(kNumbersOfPage / dimension, 1, core::kMaxRoutesPage);
    config::RouteConfig made;
    std::optional<double> version;
    for (std::size_t offset = 0;;) {
      std::string extras = "{\"name\":";
      append_json_string(name, extras);
      extras += ",\"vectors\":true,\"offset\":" + std::to_string(offset) + ",\"limit\":" + std::to_string(limit) + "}";
      const auto reply = ask(client, Op::routes_get, extras);
      if (!reply.ok() && revision && reply.error().code == core::ErrorCode::not_found) return config::RouteConfig{};
      if (!reply.ok() && reply.error().code == core::ErrorCode::too_large && limit > 1) {
        limit /= 2;  // long texts
        continue;
      }
      if (!reply.ok()) return reply.error();
      if (revision && number_of(*reply, "revision") != revision) return config::RouteConfig{};
      const config::Value* route = reply->find("route");
      if (route == nullptr) return core::Error{core::ErrorCode::internal, "the reply has no `route`"};
      if (made.name.empty()) {
        auto read = route_of_reply(*route);
        if (!read.ok()) return read.error();
        made = std::move(read).value();
        version = number_of(*route, "version");
      }
      if (number_of(*route, "version") != version) return config::RouteConfig{};
      if (auto done = append_rows(route->find("references"), dimension, made.references); !done.ok())
        return done.error();
      if (auto done = append_rows(route->find("negatives"), dimension, made.negatives); !done.ok()) return done.error();
      const auto most = std::max(number_of(*route, "reference_count").value_or(0.0),
                                 number_of(*route, "negative_count").value_or(0.0));
      offset += limit;
      if (static_cast<double>(offset) >= most) return made;
    }
  }

  std::string server_{kDefaultServer};
  std::string folder_;
  bool all_ = false;
  bool any_revision_ = false;
};

}  // namespace

std::unique_ptr<Command> make_routes_export() { return std::make_unique<RoutesExport>(); }

}  // namespace semroute::router::tool
