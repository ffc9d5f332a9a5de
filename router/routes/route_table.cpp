#include "router/routes/route_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/index/vector_rules.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Metric;
using core::Result;

constexpr std::size_t kInsertedFloats = std::size_t{32} << 20;  // in one batch

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

// Collects prepared rows under ids 0, 1, ... and inserts them in batches: a graph is built by several threads, codes
// are trained on many rows, and what waits stays bounded.
class RowInserter {
 public:
  RowInserter(core::Index& index, std::size_t threads) : index_(index), threads_(threads) {}

  // The ids that the rows get.
  [[nodiscard]] Result<core::IdRange> add(const config::RouteConfig& route, const config::ReferenceRows& rows,
                                          const char* kind) {
    const std::size_t dimension = index_.params().dimension;
    SEMROUTE_CHECK(rows.values.size() % dimension == 0);
    const core::IdRange ids{next_, rows.values.size() / dimension};
    for (std::size_t row = 0; row < ids.count; ++row) {
      const std::size_t begin = waiting_.size();
      waiting_.resize(begin + dimension);
      const std::span<const float> raw(rows.values.data() + row * dimension, dimension);
      if (auto done = core::prepare_vector(index_.params().metric, dimension, raw, std::span(waiting_).subspan(begin));
          !done.ok())
        return Error{done.error().code, row_name(route, kind, row) + done.error().message};
      ++next_;
      if (waiting_.size() < kInsertedFloats) continue;
      if (auto done = flush(); !done.ok()) return done.error();
    }
    return ids;
  }

  [[nodiscard]] Result<void> flush() {
    ids_.resize(waiting_.size() / index_.params().dimension);
    std::iota(ids_.begin(), ids_.end(), next_ - ids_.size());
    auto done = index_.insert(ids_, waiting_, threads_);
    waiting_.clear();
    return done;
  }

 private:
  core::Index& index_;
  std::size_t threads_;
  core::ReferenceId next_ = 0;
  std::vector<core::ReferenceId> ids_;
  std::vector<float> waiting_;
};

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

// Exact over full vectors, whatever the configuration says of the references: for few vectors, or such as are scored by
// id.
core::IndexParams exact_params(const core::IndexParams& params, std::size_t capacity) {
  core::IndexParams exact;
  exact.metric = params.metric;
  exact.dimension = params.dimension;
  exact.algorithm = core::Algorithm::flat;
  exact.capacity = std::max<std::size_t>(capacity, 1);
  return exact;
}

Result<std::unique_ptr<const core::Index>> build_centroids(const core::IndexParams& params,
                                                           const std::vector<const config::RouteConfig*>& routes) {
  auto created = core::Index::create(exact_params(params, routes.size()));
  if (!created.ok()) return created.error();
  std::vector<core::ReferenceId> positions;
  std::vector<float> rows;
  for (std::size_t position = 0; position < routes.size(); ++position) {
    if (routes[position]->references.values.empty()) continue;
    auto centroid = centroid_of(params.metric, params.dimension, *routes[position]);
    if (!centroid.ok()) return centroid.error();
    positions.push_back(position);
    rows.insert(rows.end(), centroid.value().begin(), centroid.value().end());
  }
  if (auto done = created.value()->insert(positions, rows); !done.ok()) return done.error();
  return std::unique_ptr<const core::Index>(std::move(created).value());
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

Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config, std::size_t threads) {
  const std::vector<const config::RouteConfig*> sorted = by_name(config);
  const std::size_t dimension = config.index.dimension;
  std::size_t reference_values = 0;
  std::size_t negative_values = 0;
  for (const config::RouteConfig* route : sorted) {
    reference_values += route->references.values.size();
    negative_values += route->negatives.values.size();
  }
  const std::size_t count = (reference_values + negative_values) / dimension;
  if (count > config.index.capacity)
    return Error{ErrorCode::resource_exhausted, "the routes have " + std::to_string(count) +
                                                    " references and negatives, index.capacity is " +
                                                    std::to_string(config.index.capacity)};

  auto index = core::Index::create(config.index);
  if (!index.ok()) return index.error();
  auto negatives = core::Index::create(exact_params(config.index, negative_values / dimension));
  if (!negatives.ok()) return negatives.error();
  RowInserter reference_rows(*index.value(), threads);
  RowInserter negative_rows(*negatives.value(), threads);
  std::vector<Route> routes;
  routes.reserve(sorted.size());
  for (const config::RouteConfig* route : sorted) {
    const auto reference_ids = reference_rows.add(*route, route->references, "reference");
    if (!reference_ids.ok()) return reference_ids.error();
    const auto negative_ids = negative_rows.add(*route, route->negatives, "negative");
    if (!negative_ids.ok()) return negative_ids.error();
    routes.push_back(route_of(*route, reference_ids.value(), negative_ids.value()));
  }
  for (RowInserter* rows : {&reference_rows, &negative_rows})
    if (auto done = rows->flush(); !done.ok()) return done.error();
  std::unique_ptr<const core::Index> centroids;
  if (config.decision.aggregation == config::Aggregation::centroid) {
    auto built = build_centroids(config.index, sorted);
    if (!built.ok()) return built.error();
    centroids = std::move(built).value();
  }
  const auto rules = rules_of(config.decision, routes);
  if (!rules.ok()) return rules.error();
  return std::shared_ptr<const RoutingState>(
      std::make_shared<RoutingState>(RoutingState{std::move(index).value(), std::move(negatives).value(),
                                                  std::move(centroids), RouteTable(std::move(routes), rules.value())}));
}

}  // namespace semroute::router
