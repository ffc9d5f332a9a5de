#include "plugins/registry.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "plugins/unmade_target.h"

// The kinds: each names the function of its file that gives its Kind. An explicit list, since a static library would
// drop registrations made by static initialisers.
// clang-format off
#define SEMROUTE_KINDS(KIND) \
  KIND(static_kind)          \
  KIND(http_kind)            \
  KIND(tcp_kind)             \
  KIND(unix_kind)            \
  KIND(exec_kind)            \
  KIND(dynamic_kind)
// clang-format on

namespace semroute::plugins {

#define SEMROUTE_DECLARE(kind) Kind kind() noexcept;
SEMROUTE_KINDS(SEMROUTE_DECLARE)
#undef SEMROUTE_DECLARE

namespace {

#define SEMROUTE_CALL(kind) kind(),
const std::array kKinds = {SEMROUTE_KINDS(SEMROUTE_CALL)};
#undef SEMROUTE_CALL

const Kind* find_kind(std::string_view name) noexcept {
  const auto* found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.name == name; });
  return found == kKinds.end() ? nullptr : found;
}

std::string known_names() {
  std::string names;
  for (const Kind& kind : kKinds) {
    if (!names.empty()) names += " | ";
    names += kind.name;
  }
  return names;
}

}  // namespace

std::span<const Kind> kinds() noexcept { return kKinds; }

void check_target(const config::TargetConfig& target, const std::string& path, config::Diagnostics& diagnostics,
                  config::KeyCatalogue* catalogue) {
  if (const Kind* kind = find_kind(target.kind)) {
    (void)kind->make(target, path, diagnostics, catalogue);
    return;
  }
  const config::Value* node = target.node.find("kind");
  const config::Place place = node != nullptr ? node->place : target.node.place;
  diagnostics.error(place, path + ".kind", "expected one of " + known_names() + ", found \"" + target.kind + "\"");
}

std::shared_ptr<Target> make_target(const config::TargetConfig& target) {
  const Kind* kind = find_kind(target.kind);
  SEMROUTE_CHECK(kind != nullptr);
  config::Diagnostics diagnostics{""};
  std::shared_ptr<Target> made = kind->make(target, "target", diagnostics, nullptr);
  if (made != nullptr) return made;
  // A file that it needs has changed since it was checked.
  SEMROUTE_CHECK(!diagnostics.all().empty());
  return unmade_target(target.name, kind->name, diagnostics.all().front().message);
}

}  // namespace semroute::plugins
