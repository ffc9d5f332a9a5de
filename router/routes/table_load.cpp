// TableWriter: whole configurations, at start and at a reload.
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "core/base/in_threads.h"
#include "core/base/limits.h"
#include "router/routes/table_writer.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

// With room for as many vectors again: those that were replaced stay until no request needs them. Address space that is
// not to be had for that much is not given up on.
Result<std::shared_ptr<core::Index>> make_index(core::IndexParams params) {
  const std::size_t capacity = params.capacity;
  params.capacity = std::min(2 * capacity, core::kMaxCapacity);
  auto made = core::Index::create(params);
  if (!made.ok() && made.error().code == ErrorCode::resource_exhausted) {
    params.capacity = capacity;
    made = core::Index::create(params);
  }
  if (!made.ok()) return made.error();
  return std::shared_ptr<core::Index>(std::move(made).value());
}

// Exact over full vectors, whatever the configuration says of the references: for few vectors, or such as are scored by
// id.
core::IndexParams exact_params(const core::IndexParams& params) {
  core::IndexParams exact;
  exact.metric = params.metric;
  exact.dimension = params.dimension;
  exact.algorithm = core::Algorithm::flat;
  exact.capacity = params.capacity;
  return exact;
}

Result<DecisionRules> rules_of(const config::DecisionConfig& decision,
                               const std::vector<std::shared_ptr<const Route>>& sorted) {
  DecisionRules rules{decision.aggregation, decision.top_m, decision.score_threshold, decision.margin, std::nullopt};
  if (!decision.default_route) return rules;
  const auto found = std::ranges::lower_bound(sorted, *decision.default_route, {},
                                              [](const auto& route) -> const std::string& { return route->name; });
  if (found == sorted.end() || (*found)->name != *decision.default_route)
    return Error{ErrorCode::bad_request,
                 "decision.default_route: there is no route named \"" + *decision.default_route + "\""};
  rules.default_route = static_cast<std::size_t>(found - sorted.begin());
  return rules;
}

}  // namespace

// One configuration on its way: the file's routes first, then those of run time, as far as they fit beside them.
class TableWriter::Loading {
 public:
  Loading(TableWriter& writer, const config::Config& config, SharedIndexes& indexes, bool has_new_vectors,
          KeptGraph* graph, InsertProgress on_inserted)
      : writer_(writer),
        config_(config),
        dimension_(config.index.dimension),
        has_new_vectors_(has_new_vectors),
        edit_(indexes, writer.threads_, has_new_vectors, graph, std::move(on_inserted)) {
    for (const config::TargetConfig& target : config.targets) targets_.insert(target.name);
  }

  Result<void> run(const StoredRoutes& stored) {
    if (auto done = take_file_routes(); !done.ok()) return done;
    if (writer_.newest_ != nullptr) {
      if (auto done = take_older_routes(); !done.ok()) return done;
    } else if (stored.read) {
      may_place_ = stored.most_rows > 0 && rows_ + stored.most_rows <= config_.index.capacity;
      const auto work = [this](StoredRoute&& route) { return begin_stored(std::move(route)); };
      if (auto done = stored.read(work); !done.ok()) return done;
    }
    std::ranges::sort(routes_, {}, [](const auto& route) -> const std::string& { return route->name; });
    auto rules = rules_of(config_.decision, routes_);
    if (!rules.ok()) return rules.error();
    rules_ = *rules;
    return edit_.flush();
  }

  TableEdit& edit() { return edit_; }
  TargetNames& targets() { return targets_; }
  std::shared_ptr<const RoutingState> state() {
    return writer_.make_state(std::move(routes_), std::move(parked_), rules_);
  }

 private:
  // In table order, so that the first ids are dense in the order of positions.
  Result<void> take_file_routes() {
    std::vector<const config::RouteConfig*> sorted;
    std::size_t values = 0;
    for (const config::RouteConfig& route : config_.routes) {
      sorted.push_back(&route);
      values += route.references.values.size() + route.negatives.values.size();
    }
    std::ranges::sort(sorted, {}, &config::RouteConfig::name);
    rows_ = values / dimension_;
    if (rows_ > config_.index.capacity)
      return Error{ErrorCode::resource_exhausted, "the routes have " + std::to_string(rows_) +
                                                      " references and negatives, index.capacity is " +
                                                      std::to_string(config_.index.capacity)};
    std::vector<std::optional<PlacedRows>> placed = place_file_routes(sorted);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const config::RouteConfig* content = sorted[i];
      const Route* before = nullptr;
      if (writer_.newest_ != nullptr) {
        const TableEntry entry = writer_.find({}, content->name);
        if (entry.active != nullptr && entry.active->source == RouteSource::file) before = entry.active.get();
      }
      auto made =
          edit_.make(*content, RouteSource::file, 0, rows_of_route(content->name), before, std::move(placed[i]));
      if (!made.ok()) return made.error();
      routes_.push_back(std::move(made).value());
      names_.insert(content->name);
    }
    if (writer_.newest_ != nullptr)
      for (const Route& route : writer_.newest_->table.routes())
        if (route.source == RouteSource::file && !names_.contains(route.name)) edit_.drop(route);
    return {};
  }

  // At the start; what cannot be placed says why when it is made.
  std::vector<std::optional<PlacedRows>> place_file_routes(std::span<const config::RouteConfig* const> routes) {
    std::vector<std::optional<PlacedRows>> placed(routes.size());
    if (writer_.newest_ != nullptr) return placed;
    std::atomic<std::size_t> next{0};
    core::in_threads(routes.size(), writer_.threads_, [&](std::size_t, std::size_t) {
      for (std::size_t i = next++; i < routes.size(); i = next++) placed[i] = edit_.place(routes[i]->references.values);
    });
    return placed;
  }

  // Why a route of run time cannot be served beside the file's; empty when it can, if there is room.
  std::string obstacle(std::string_view name, const config::Destination& destination) const {
    if (names_.contains(name)) return "the configuration has a route of this name";
    const std::string missing = missing_target(destination, targets_);
    return missing.empty() ? "" : "there is no target \"" + missing + "\"";
  }
  std::string obstacle(const std::string& name, const config::Destination& destination, std::size_t references,
                       std::size_t negatives) const {
    if (std::string why = obstacle(name, destination); !why.empty()) return why;
    if (rows_ + references + negatives > config_.index.capacity)
      return "index.capacity has no room for its " + std::to_string(references + negatives) +
             " references and negatives";
    return "";
  }

  Result<void> take_older_routes() {
    for (const auto& route : writer_.newest_->table.shared_routes()) {
      if (route->source == RouteSource::file) continue;
      const std::size_t references = route->references.count();
      const std::size_t negatives = route->negatives.count();
      if (std::string why = obstacle(route->name, route->destination, references, negatives); !why.empty()) {
        parked_.push_back(edit_.park(*route, std::move(why)));
        continue;
      }
      rows_ += references + negatives;
      if (!has_new_vectors_) {
        routes_.push_back(route);
        continue;
      }
      auto again = edit_.with_vector(*route);
      if (!again.ok()) return again.error();
      routes_.push_back(std::move(again).value());
    }
    for (const auto& parked : writer_.newest_->parked) {
      std::string why =
          obstacle(parked->route->name, parked->route->destination, parked->reference_count, parked->negative_count);
      if (why.empty() && parked->references.empty()) why = parked->reason;
      if (!why.empty()) {
        auto copy = std::make_shared<ParkedRoute>(*parked);
        copy->reason = std::move(why);
        parked_.push_back(std::move(copy));
        continue;
      }
      rows_ += parked->reference_count + parked->negative_count;
      auto active = edit_.activate(*parked);
      if (!active.ok()) return active.error();
      routes_.push_back(std::move(active).value());
    }
    return {};
  }

  // A stored route between the thread that read it and its turn.
  struct Begun {
    StoredRoute route;
    std::size_t references = 0;
    std::size_t negatives = 0;
    std::optional<PlacedRows> placed;  // the references
  };

  // By any thread, while others do the same and one takes those before.
  Result<StoredRoutes::Rest> begin_stored(StoredRoute&& stored) {
    const auto begun = std::make_shared<Begun>();
    begun->route = std::move(stored);
    config::RouteConfig& content = begun->route.content;
    for (const std::vector<float>* rows : {&content.references.values, &content.negatives.values})
      if (rows->size() % dimension_ != 0)
        return Error{ErrorCode::dimension_mismatch, "route \"" + content.name +
                                                        "\" was kept with vectors that are not of " +
                                                        std::to_string(dimension_) + " numbers"};
    begun->references = content.references.values.size() / dimension_;
    begun->negatives = content.negatives.values.size() / dimension_;
    if (may_place_ && obstacle(content.name, content.destination).empty())
      begun->placed = edit_.place(content.references.values);
    // The negatives may be refused yet, and the route parked with all that it was given.
    if (begun->placed && !edit_.needs_values() && begun->negatives == 0) content.references.values = {};
    return StoredRoutes::Rest([this, begun] { return take_stored(*begun); });
  }

  Result<void> take_stored(Begun& begun) {
    const config::RouteConfig& content = begun.route.content;
    const std::uint64_t version = begun.route.version;
    if (std::string why = obstacle(content.name, content.destination, begun.references, begun.negatives);
        !why.empty()) {
      SEMROUTE_CHECK(!begun.placed);
      parked_.push_back(edit_.park(content, version, std::move(why)));
      return {};
    }
    auto made = edit_.make(content, RouteSource::run_time, version, rows_of_route(content.name), nullptr,
                           std::move(begun.placed));
    if (!made.ok() && made.error().code == ErrorCode::bad_vector) {
      // Fit for the metric and aggregation that it was made under, not for those of now.
      parked_.push_back(edit_.park(content, version, made.error().message));
      return {};
    }
    if (!made.ok()) return made.error();
    rows_ += begun.references + begun.negatives;
    routes_.push_back(std::move(made).value());
    return {};
  }

  TableWriter& writer_;
  const config::Config& config_;
  std::size_t dimension_;
  bool has_new_vectors_;
  TableEdit edit_;
  TargetNames targets_;
  TargetNames names_;  // of the file's routes
  std::size_t rows_ = 0;
  bool may_place_ = false;  // there is room for all stored routes
  DecisionRules rules_;
  std::vector<std::shared_ptr<const Route>> routes_;
  std::vector<std::shared_ptr<const ParkedRoute>> parked_;
};

Result<void> TableWriter::make_indexes(const config::IndexConfig& params) {
  auto references = make_index(params);
  if (!references.ok()) return references.error();
  auto negatives = make_index(exact_params(params));
  if (!negatives.ok()) return negatives.error();
  indexes_.references = std::move(references).value();
  indexes_.negatives = std::move(negatives).value();
  return {};
}

// Those that the configuration's aggregation needs: another one has route vectors of its own.
Result<SharedIndexes> TableWriter::indexes_for(const config::Config& config) const {
  SharedIndexes next = indexes_;
  const config::Aggregation aggregation = config.decision.aggregation;
  if (newest_ != nullptr && aggregation == indexes_.aggregation) return next;
  next.aggregation = aggregation;
  next.vectors.reset();
  if (!has_route_vector(aggregation, config.index.metric)) return next;
  core::IndexParams params = exact_params(config.index);
  // Means of unit vectors are shorter, which an index of cosines does not take.
  if (aggregation == config::Aggregation::mean) params.metric = core::Metric::dot;
  auto made = make_index(params);
  if (!made.ok()) return made.error();
  next.vectors = std::move(made).value();
  return next;
}

Result<std::shared_ptr<const RoutingState>> TableWriter::load(const config::Config& config, const StoredRoutes& stored,
                                                              KeptGraph* graph, InsertProgress on_inserted) {
  SEMROUTE_CHECK(draft_.empty());
  if (newest_ != nullptr) graph = nullptr;
  auto done = load_once(config, stored, graph, on_inserted);
  // What the graph was tried with is gone with it.
  if (!done.ok() && graph != nullptr && graph->was_opened && graph->problem)
    done = load_once(config, stored, nullptr, std::move(on_inserted));
  if (!done.ok()) return done.error();
  return newest_;
}

Result<void> TableWriter::load_once(const config::Config& config, const StoredRoutes& stored, KeptGraph* graph,
                                    InsertProgress on_inserted) {
  if (newest_ == nullptr)
    if (auto done = make_indexes(config.index); !done.ok()) return done.error();
  auto next = indexes_for(config);
  if (!next.ok()) return next.error();
  const bool has_new_vectors = next->vectors != indexes_.vectors;
  Loading loading(*this, config, *next, has_new_vectors, graph, std::move(on_inserted));
  auto done = loading.run(stored);
  const std::shared_ptr<core::Index> vectors_before = indexes_.vectors;
  // Ids are not used again, whatever becomes of this.
  indexes_.next_reference = next->next_reference;
  indexes_.next_negative = next->next_negative;
  if (!has_new_vectors) indexes_.next_vector = next->next_vector;
  if (!done.ok()) {
    loading.edit().take_back();
    return done;
  }
  indexes_ = *next;
  capacity_ = config.index.capacity;
  targets_ = std::move(loading.targets());
  file_ = config.file;
  inserted_ += loading.edit().inserted();
  succeed(loading.state(), loading.edit().gone(), vectors_before);
  return {};
}

}  // namespace semroute::router
