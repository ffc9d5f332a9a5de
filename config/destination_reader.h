// The members `target`, `fallback_targets` and `mirror` of a mapping, from a file or from a request that changes
// routes.
//
// Problems go to the reader's diagnostics; what has one may be missing from the result.
// Complexity: quadratic in the names of a route, which are few. Threads: one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/destination.h"
#include "config/diagnostic.h"
#include "config/map_reader.h"

namespace semroute::config {

class DestinationReader {
 public:
  // Says what is wrong with a name; empty: nothing.
  using NameCheck = std::function<std::string(const std::string& name)>;

  DestinationReader(Diagnostics& diagnostics, KeyCatalogue* catalogue, NameCheck check)
      : diagnostics_(diagnostics), catalogue_(catalogue), check_(std::move(check)) {}

  // All three, and how they go together.
  [[nodiscard]] Destination read(MapReader& reader);

  // One of them.
  [[nodiscard]] TargetSplit targets(MapReader& reader);
  [[nodiscard]] std::vector<std::string> fallbacks(MapReader& reader);
  [[nodiscard]] std::optional<Mirror> mirror(MapReader& reader);

 private:
  // Whether the name may be used here.
  bool check(const std::string& name, Place place, const std::string& path);

  Diagnostics& diagnostics_;
  KeyCatalogue* catalogue_;
  NameCheck check_;
};

}  // namespace semroute::config
