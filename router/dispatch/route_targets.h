// RouteTargets: the targets that a route's Destination names, and which of them a request is sent to.
//
// Of a split, a request with a key always goes to the same target, by weighted rendezvous hashing of (route, key):
// the order of the list does not matter, and a changed weight moves no more keys than it has to. One without a key is
// drawn. What state a target is in does not matter here: only fallbacks change where a request goes, and DispatchChain
// knows when.
// Complexity: O(targets of the split). Threads: const, any. Lifetime: shared by the states that have the route, and
// held by the requests on their way; counters are the Metrics'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/target.h"
#include "router/dispatch/random.h"
#include "router/observe/metrics.h"

namespace semroute::router {

// One target, and where its dispatches are counted.
struct DispatchTarget {
  std::shared_ptr<plugins::Target> target;
  TargetCounters* counters = nullptr;

  [[nodiscard]] const std::string& name() const noexcept { return target->name(); }
};

class RouteTargets {
 public:
  struct Share {
    DispatchTarget to;
    double weight = 1.0;
    std::uint64_t hash = 0;  // of its name
  };
  struct MirrorTo {
    DispatchTarget to;
    double share = 1.0;  // of the requests, 0..1
  };

  // `split` is not empty.
  RouteTargets(std::string_view route, const std::vector<std::pair<DispatchTarget, double>>& split,
               std::vector<DispatchTarget> fallbacks, std::optional<MirrorTo> mirror);

  // The position in the split of the target that a request goes to.
  [[nodiscard]] std::size_t choose(const std::optional<std::string>& key, Random& random) const;
  [[nodiscard]] const DispatchTarget& split(std::size_t position) const noexcept { return split_[position].to; }

  // In the order in which they are tried; some may be of the split, too.
  [[nodiscard]] const std::vector<DispatchTarget>& fallbacks() const noexcept { return fallbacks_; }

  // Null unless a copy of this request is to be sent.
  [[nodiscard]] const DispatchTarget* mirror(Random& random) const;

 private:
  std::uint64_t route_hash_;
  std::vector<Share> split_;
  double weights_ = 0.0;  // their sum
  std::vector<DispatchTarget> fallbacks_;
  std::optional<MirrorTo> mirror_;
};

}  // namespace semroute::router
