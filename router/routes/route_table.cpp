#include "router/routes/route_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/index/flat_index.h"
#include "core/index/vector_rules.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Metric;
using core::Result;

std::string row_name(const config::RouteConfig& route, const char* kind, std::size_t row) {
  return "route \"" + route.name + "\": " + kind + " " + std::to_string(row) + " ";
}

// The config's routes in table order, so that ids are dense in the order of positions.
std::vector<const config::RouteConfig*> by_name(const config::Config& config) {
  std::vector<const config::RouteConfig*> routes;
  routes.reserve(config.routes.size());
  for (const config::RouteConfig& route : config.routes) routes.push_back(&route);
  std::sort(routes.begin(), routes.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return routes;
}

// Inserts the rows under the next ids and returns their range.
Result<core::IdRange> insert_rows(core::FlatIndex& index, const config::RouteConfig& route,
                                  const config::ReferenceRows& rows, const char* kind, std::vector<float>& prepared) {
  const std::size_t dimension = index.dimension();
  SEMROUTE_CHECK(rows.values.size() % dimension == 0);
  const core::IdRange ids{index.count(), rows.values.size() / dimension};
  for (std::size_t row = 0; row < ids.count; ++row) {
    const std::span<const float> raw(rows.values.data() + row * dimension, dimension);
    if (auto done = core::prepare_vector(index.metric(), dimension, raw, prepared); !done.ok())
      return Error{done.error().code, row_name(route, kind, row) + done.error().message};
    if (auto done = index.insert(ids.first + row, prepared); !done.ok())
      return Error{done.error().code, row_name(route, kind, row) + done.error().message};
  }
  return ids;
}

double norm_of(std::span<const float> values) {
  double sum = 0.0;
  for (const float value : values) sum += double{value} * double{value};
  return std::sqrt(sum);
}

// From the raw rows and in float64 throughout: unit rows rounded to float32 would leave a rounding
// residue where opposite references cancel, and that residue has a direction that means nothing.
Result<std::vector<float>> centroid_of(Metric metric, std::size_t dimension, const config::RouteConfig& route) {
  const std::vector<float>& values = route.references.values;
  const std::size_t count = values.size() / dimension;
  std::vector<double> sum(dimension, 0.0);
  for (std::size_t row = 0; row < count; ++row) {
    const std::span<const float> reference(values.data() + row * dimension, dimension);
    const double scale = metric == Metric::cosine ? 1.0 / norm_of(reference) : 1.0;
    for (std::size_t i = 0; i < dimension; ++i) sum[i] += scale * double{reference[i]};
  }
  double scale = 1.0 / static_cast<double>(count);
  if (metric == Metric::cosine) {
    double squares = 0.0;
    for (double& value : sum) {
      value *= scale;
      squares += value * value;
    }
    const double norm = std::sqrt(squares);
    if (norm < core::kMinCosineNorm)
      return Error{ErrorCode::bad_vector, "route \"" + route.name + "\": its " + std::to_string(count) +
                                              " references cancel each other, so that aggregation `centroid` has no "
                                              "direction for it; choose another aggregation or other references"};
    scale = 1.0 / norm;
  }
  std::vector<float> centroid(dimension);
  std::transform(sum.begin(), sum.end(), centroid.begin(),
                 [scale](double value) { return static_cast<float>(scale * value); });
  return centroid;
}

Result<std::unique_ptr<const core::Index>> build_centroids(const core::Index& index,
                                                           const std::vector<const config::RouteConfig*>& routes) {
  auto centroids = std::make_unique<core::FlatIndex>(index.metric(), index.dimension(), routes.size());
  centroids->reserve(routes.size());
  for (std::size_t position = 0; position < routes.size(); ++position) {
    if (routes[position]->references.values.empty()) continue;
    auto centroid = centroid_of(index.metric(), index.dimension(), *routes[position]);
    if (!centroid.ok()) return centroid.error();
    if (auto done = centroids->insert(position, centroid.value()); !done.ok()) return done.error();
  }
  return std::unique_ptr<const core::Index>(std::move(centroids));
}

Route route_of(const config::RouteConfig& config, core::IdRange references, core::IdRange negatives) {
  Route route;
  route.name = config.name;
  route.description = config.description;
  route.target = config.target;
  route.score_threshold = config.score_threshold;
  route.metadata = config.metadata;
  route.references = references;
  route.negatives = negatives;
  route.reference_texts = config.references.texts;
  route.negative_texts = config.negatives.texts;
  route.place = config.place;
  return route;
}

Result<DecisionRules> rules_of(const config::DecisionConfig& decision, const std::vector<Route>& sorted) {
  DecisionRules rules{decision.aggregation, decision.top_m, decision.score_threshold, decision.margin, std::nullopt};
  if (!decision.default_route) return rules;
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), *decision.default_route,
                                      [](const Route& route, const std::string& name) { return route.name < name; });
  if (found == sorted.end() || found->name != *decision.default_route)
    return Error{ErrorCode::bad_request,
                 "decision.default_route: there is no route named \"" + *decision.default_route + "\""};
  rules.default_route = static_cast<std::size_t>(found - sorted.begin());
  return rules;
}

}  // namespace

RouteTable::RouteTable(std::vector<Route> routes, DecisionRules rules) : routes_(std::move(routes)), rules_(rules) {
  std::sort(routes_.begin(), routes_.end(), [](const Route& a, const Route& b) { return a.name < b.name; });
  for (const Route& route : routes_) {
    reference_count_ += route.references.count + route.negatives.count;
    longest_range_ = std::max({longest_range_, route.references.count, route.negatives.count});
  }
  SEMROUTE_CHECK(!rules_.default_route || *rules_.default_route < routes_.size());
}

std::optional<std::size_t> RouteTable::find(std::string_view name) const noexcept {
  const auto found = std::lower_bound(routes_.begin(), routes_.end(), name,
                                      [](const Route& route, std::string_view wanted) { return route.name < wanted; });
  if (found == routes_.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - routes_.begin());
}

Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config) {
  const std::vector<const config::RouteConfig*> sorted = by_name(config);
  const std::size_t dimension = config.index.dimension;
  const std::size_t values = std::accumulate(
      sorted.begin(), sorted.end(), std::size_t{0}, [](std::size_t sum, const config::RouteConfig* route) {
        return sum + route->references.values.size() + route->negatives.values.size();
      });
  if (values / dimension > config.index.capacity)
    return Error{ErrorCode::resource_exhausted, "the routes have " + std::to_string(values / dimension) +
                                                    " references and negatives, index.capacity is " +
                                                    std::to_string(config.index.capacity)};

  auto index = std::make_unique<core::FlatIndex>(config.index.metric, dimension, config.index.capacity);
  index->reserve(values / dimension);
  std::vector<float> prepared(dimension);
  std::vector<Route> routes;
  routes.reserve(sorted.size());
  for (const config::RouteConfig* route : sorted) {
    const auto references = insert_rows(*index, *route, route->references, "reference", prepared);
    if (!references.ok()) return references.error();
    const auto negatives = insert_rows(*index, *route, route->negatives, "negative", prepared);
    if (!negatives.ok()) return negatives.error();
    routes.push_back(route_of(*route, references.value(), negatives.value()));
  }
  std::unique_ptr<const core::Index> centroids;
  if (config.decision.aggregation == config::Aggregation::centroid) {
    auto built = build_centroids(*index, sorted);
    if (!built.ok()) return built.error();
    centroids = std::move(built).value();
  }
  const auto rules = rules_of(config.decision, routes);
  if (!rules.ok()) return rules.error();
  return std::shared_ptr<const RoutingState>(std::make_shared<RoutingState>(
      RoutingState{std::move(index), std::move(centroids), RouteTable(std::move(routes), rules.value())}));
}

}  // namespace semroute::router
