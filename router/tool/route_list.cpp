#include "router/tool/route_list.h"

#include <iterator>
#include <optional>
#include <utility>

#include "core/base/limits.h"
#include "router/tool/json_text.h"

namespace semroute::router::tool {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr int kMostTries = 10;

// Nothing when routes changed between two pages.
Result<std::optional<RouteListing>> list_once(const AskPage& ask) {
  RouteListing listing;
  for (;;) {
    const std::size_t offset = listing.routes.size();
    auto reply = ask("\"offset\":" + std::to_string(offset) + ",\"limit\":" + std::to_string(core::kMaxRoutesPage));
    if (!reply.ok()) return reply.error();
    const config::Value* routes = reply->find("routes");
    if (routes == nullptr || routes->list() == nullptr)
      return Error{ErrorCode::internal, "the reply has no list `routes`"};
    const double revision = number_of(*reply, "revision").value_or(0.0);
    if (offset > 0 && revision != listing.revision) return std::optional<RouteListing>();
    listing.revision = revision;
    listing.routes.insert(listing.routes.end(), routes->list()->begin(), routes->list()->end());
    const auto total = number_of(*reply, "total");
    if (!total || routes->list()->empty() || static_cast<double>(listing.routes.size()) >= *total)
      return std::optional(std::move(listing));
  }
}

}  // namespace

Result<RouteListing> list_routes(const AskPage& ask) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    auto listing = list_once(ask);
    if (!listing.ok()) return listing.error();
    if (*listing) return std::move(**listing);
  }
  return Error{ErrorCode::conflict, "routes change faster than they can be listed"};
}

}  // namespace semroute::router::tool
