#include "router/routes/route_table.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace semroute::router {

void IdOwners::sort() {
  std::ranges::sort(ranges_, {}, &Range::first);
  firsts_.reserve(ranges_.size());
  for (const Range& range : ranges_) firsts_.push_back(range.first);
}

std::size_t IdOwners::find(core::ReferenceId id) const noexcept {
  const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), id);
  if (after == firsts_.begin()) return kNobody;
  const Range& range = ranges_[static_cast<std::size_t>(after - firsts_.begin()) - 1];
  return id - range.first < range.count ? range.position : kNobody;
}

core::IdRange IdOwners::span() const noexcept {
  if (ranges_.empty()) return {};
  const Range& last = ranges_.back();
  return {firsts_.front(), last.first + last.count - firsts_.front()};
}

RouteTable::RouteTable(std::vector<std::shared_ptr<const Route>> routes, DecisionRules rules)
    : routes_(std::move(routes)), rules_(rules) {
  std::ranges::sort(routes_, {}, [](const auto& route) -> const std::string& { return route->name; });
  for (std::size_t position = 0; position < routes_.size(); ++position) {
    const Route& route = *routes_[position];
    reference_count_ += route.references.count();
    negative_count_ += route.negatives.count();
    most_references_ = std::max(most_references_, route.references.count());
    if (!route.references.empty()) referenced_.push_back(position);
    for (const core::IdRange& ids : route.references.parts()) owners_.add(ids, position);
    if (route.vector) vector_owners_.add({*route.vector, 1}, position);
  }
  by_threshold_ = referenced_;
  std::ranges::stable_sort(by_threshold_, {}, [this](std::size_t position) { return threshold(position); });
  owners_.sort();
  vector_owners_.sort();
  SEMROUTE_CHECK(!rules_.default_route || *rules_.default_route < routes_.size());
}

std::optional<std::size_t> RouteTable::find(std::string_view name) const noexcept {
  const auto found =
      std::ranges::lower_bound(routes_, name, {}, [](const auto& route) -> std::string_view { return route->name; });
  if (found == routes_.end() || (*found)->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - routes_.begin());
}

const ParkedRoute* RoutingState::find_parked(std::string_view name) const noexcept {
  const auto found =
      std::ranges::lower_bound(parked, name, {}, [](const auto& one) -> std::string_view { return one->route->name; });
  return found == parked.end() || (*found)->route->name != name ? nullptr : found->get();
}

core::IndexBytes index_bytes(const RoutingState& state) noexcept {
  core::IndexBytes sum;
  for (const core::Index* index : {state.index.get(), state.negatives.get(), state.route_vectors.get()}) {
    if (index == nullptr) continue;
    const core::IndexBytes bytes = index->bytes();
    sum.vectors += bytes.vectors;
    sum.codes += bytes.codes;
    sum.graph += bytes.graph;
    sum.ids += bytes.ids;
    sum.other += bytes.other;
  }
  return sum;
}

bool has_route_vector(config::Aggregation aggregation, core::Metric metric) noexcept {
  return aggregation == config::Aggregation::centroid ||
         (aggregation == config::Aggregation::mean && core::is_inner_product(metric));
}

}  // namespace semroute::router
