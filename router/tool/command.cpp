#include "router/tool/command.h"

#include <array>

#include "config/scalar.h"

namespace semroute::router::tool {
namespace {

constexpr std::array kCommands{
    CommandEntry{"check", "every problem of a configuration, and warnings for weak routes", make_check},
    CommandEntry{"match", "decide: which route answers an embedding", make_match},
    CommandEntry{"route", "decide, and send the payload to the route's target", make_route},
    CommandEntry{"ping", "whether the daemon answers, and what it serves", make_ping},
    CommandEntry{"stats", "the daemon's counters", make_stats},
    CommandEntry{"reload", "make the daemon read its configuration again", make_reload},
    CommandEntry{"routes list", "the routes that the daemon serves", make_routes_list},
    CommandEntry{"routes get", "one route, with its references", make_routes_get},
    CommandEntry{"routes put", "make or replace a route", make_routes_put},
    CommandEntry{"routes patch", "change a route's references or settings", make_routes_patch},
    CommandEntry{"routes delete", "remove a route", make_routes_delete},
    CommandEntry{"routes import", "make routes from a folder", make_routes_import},
    CommandEntry{"routes export", "write routes to a folder", make_routes_export},
    CommandEntry{"eval", "accuracy and out-of-scope recall on labelled vectors", make_eval},
    CommandEntry{"fit", "fit thresholds to labelled vectors", nullptr},
    CommandEntry{"bench", "measure rate and latency of a running daemon", make_bench},
    CommandEntry{"store check", "look for damage in a data_dir", make_store_check},
    CommandEntry{"store repair", "cut a damaged log, keeping what is cut", make_store_repair},
    CommandEntry{"echo", "a small HTTP server to dispatch to while trying things", make_echo},
};

}  // namespace

std::span<const CommandEntry> commands() noexcept { return kCommands; }

Exit Context::fail(Exit exit, std::string_view message) const {
  // What it quotes may come from a target.
  err << "semroute " << name << ": " << config::printable(std::string(message)) << "\n";
  return exit;
}

}  // namespace semroute::router::tool
