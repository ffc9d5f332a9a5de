#include "router/protocol/op.h"

#include <algorithm>
#include <array>

namespace semroute::router {
namespace {

constexpr std::array kOps = {
    OpEntry{Op::match, "match"},
    OpEntry{Op::route, "route"},
    OpEntry{Op::ping, "ping"},
    OpEntry{Op::stats, "stats"},
    OpEntry{Op::reload, "reload"},
    OpEntry{Op::cancel, "cancel"},
    OpEntry{Op::routes_list, "routes.list"},
    OpEntry{Op::routes_get, "routes.get"},
    OpEntry{Op::routes_put, "routes.put"},
    OpEntry{Op::routes_patch, "routes.patch"},
    OpEntry{Op::routes_delete, "routes.delete"},
    OpEntry{Op::routes_batch, "routes.batch"},
    OpEntry{Op::hello, "hello", false},
};

template <class Matches>
const OpEntry* find(Matches matches) noexcept {
  const auto* const found = std::ranges::find_if(kOps, matches);
  return found == kOps.end() ? nullptr : found;
}

}  // namespace

std::span<const OpEntry> ops() noexcept { return kOps; }

const OpEntry* find_op(std::string_view word) noexcept {
  return find([word](const OpEntry& entry) { return entry.word == word; });
}

const OpEntry* find_op(std::uint8_t number) noexcept {
  return find([number](const OpEntry& entry) { return static_cast<std::uint8_t>(entry.op) == number; });
}

}  // namespace semroute::router
