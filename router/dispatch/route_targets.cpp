#include "router/dispatch/route_targets.h"

#include <cmath>
#include <utility>

#include "core/base/check.h"

namespace semroute::router {
namespace {

// FNV-1a; `seed` is the hash of what stands before.
std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 0xCBF29CE484222325ULL) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return seed;
}

// The finaliser of splitmix64: FNV alone leaves the upper bits of short texts alike.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

}  // namespace

RouteTargets::RouteTargets(std::string_view route, const std::vector<std::pair<DispatchTarget, double>>& split,
                           std::vector<DispatchTarget> fallbacks, std::optional<MirrorTo> mirror)
    : route_hash_(hash_of(std::string(route) + '\0')), fallbacks_(std::move(fallbacks)), mirror_(std::move(mirror)) {
  SEMROUTE_CHECK(!split.empty());
  for (const auto& [to, weight] : split) {
    split_.push_back({to, weight, mixed(hash_of(to.name()))});
    weights_ += weight;
  }
}

std::size_t RouteTargets::choose(const std::optional<std::string>& key, Random& random) const {
  if (split_.size() == 1) return 0;
  if (!key) {
    double left = random.next() * weights_;
    for (std::size_t i = 0; i + 1 < split_.size(); ++i) {
      left -= split_[i].weight;
      if (left < 0.0) return i;
    }
    return split_.size() - 1;
  }
  // Each target draws an exponential of its weight's rate from the key; the least one wins in proportion to the weights
  // (Schindelhauer & Schomaker, "Weighted distributed hash tables").
  const std::uint64_t hash = hash_of(*key, route_hash_);
  std::size_t best = 0;
  double least = 0.0;
  for (std::size_t i = 0; i < split_.size(); ++i) {
    const double uniform = (static_cast<double>(mixed(hash ^ split_[i].hash) >> 11U) + 0.5) * 0x1.0p-53;
    const double drawn = -std::log(uniform) / split_[i].weight;
    if (i == 0 || drawn < least) {
      best = i;
      least = drawn;
    }
  }
  return best;
}

const DispatchTarget* RouteTargets::mirror(Random& random) const {
  return mirror_ && random.next() < mirror_->share ? &mirror_->to : nullptr;
}

}  // namespace semroute::router
