#include "plugins/targets/http/balancer.h"

#include <algorithm>

namespace semroute::plugins {
namespace {

using Endpoints = std::span<const HttpBalancer::Endpoint>;

bool is_candidate(const HttpBalancer::Endpoint& endpoint, bool tried) noexcept {
  return endpoint.usable && endpoint.tried == tried;
}

std::uint64_t weight_of(Endpoints endpoints, bool tried) noexcept {
  std::uint64_t sum = 0;
  for (const auto& endpoint : endpoints) sum += is_candidate(endpoint, tried) ? endpoint.weight : 0;
  return sum;
}

// The one in whose share of the candidates' weights, but those of `without`, `point` falls.
std::size_t at(Endpoints endpoints, bool tried, std::uint64_t point, std::size_t without) noexcept {
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (i == without || !is_candidate(endpoints[i], tried)) continue;
    if (point < endpoints[i].weight) return i;
    point -= endpoints[i].weight;
  }
  return endpoints.size();
}

// Fewer in flight for its weight. With none in flight they are alike, so that the first, taken by weight, stays.
bool is_lighter(const HttpBalancer::Endpoint& a, const HttpBalancer::Endpoint& b) noexcept {
  return a.in_flight * b.weight < b.in_flight * a.weight;
}

}  // namespace

std::optional<std::size_t> HttpBalancer::pick(Endpoints endpoints, std::uint64_t random) {
  bool tried = false;
  std::uint64_t weight = weight_of(endpoints, tried);
  if (weight == 0) weight = weight_of(endpoints, tried = true);
  if (weight == 0) return std::nullopt;
  if (balance_ == HttpBalance::round_robin) return pick_in_turn(endpoints, tried);

  const std::size_t none = endpoints.size();
  const std::size_t first = at(endpoints, tried, (random >> 32U) % weight, none);
  const std::uint64_t others = weight - endpoints[first].weight;
  if (balance_ == HttpBalance::random || others == 0) return first;
  const std::size_t second = at(endpoints, tried, (random & 0xffffffffU) % others, first);
  return is_lighter(endpoints[second], endpoints[first]) ? second : first;
}

std::size_t HttpBalancer::pick_in_turn(Endpoints endpoints, bool tried) {
  turns_.resize(endpoints.size(), 0);
  std::int64_t sum = 0;
  std::size_t best = endpoints.size();
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (!is_candidate(endpoints[i], tried)) continue;
    turns_[i] += endpoints[i].weight;
    sum += endpoints[i].weight;
    if (best == endpoints.size() || turns_[i] > turns_[best]) best = i;
  }
  turns_[best] -= sum;
  return best;
}

}  // namespace semroute::plugins
