#include "config/routes_reader.h"

#include <algorithm>
#include <map>
#include <set>

#include "config/destination_reader.h"
#include "config/json_text.h"
#include "config/reference_reader.h"
#include "config/scalar.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

std::string place_text(Place place) { return std::to_string(place.line) + ':' + std::to_string(place.column); }

std::string indexed(std::string_view key, std::size_t i) { return std::string(key) + '[' + std::to_string(i) + ']'; }

std::string meant_text(std::string_view word, const auto& candidates) {
  const std::string_view meant = nearest_word(word, candidates);
  return meant.empty() ? "" : "; did you mean " + std::string(meant) + '?';
}

class RoutesReader {
 public:
  RoutesReader(MapReader& root, const TargetChecker& check_target, Config& config, Diagnostics& diagnostics,
               KeyCatalogue* catalogue)
      : root_(root),
        check_target_(check_target),
        config_(config),
        diagnostics_(diagnostics),
        catalogue_(catalogue),
        references_(config.file, config.index.dimension, config.index.metric, diagnostics) {}

  // A route alone: what targets there are is not known here.
  void read_alone(const Value& node) {
    knows_targets_ = false;
    read_route(node, {});
  }

  void read() {
    const Value::List& targets = root_.elements("targets", "list of maps");
    for (std::size_t i = 0; i < targets.size(); ++i) read_target(targets[i], indexed("targets", i));
    const Value::List& routes = root_.elements("routes", "list of maps");
    for (std::size_t i = 0; i < routes.size(); ++i) read_route(routes[i], indexed("routes", i));
    const Value::List& sets = root_.elements("route_sets", "list of maps");
    for (std::size_t i = 0; i < sets.size(); ++i) read_set(sets[i], indexed("route_sets", i));
    check_default_route();
    check_capacity();
  }

 private:
  [[nodiscard]] MapReader reader_of(const Value& node, const std::string& path) {
    return {node, path, diagnostics_, catalogue_};
  }

  // The member `name`, checked and entered into `names`; empty when there is a problem.
  std::string read_name(MapReader& reader, std::string_view what, std::map<std::string, Place, std::less<>>& names) {
    const std::size_t before = diagnostics_.all().size() + diagnostics_.omitted();
    std::string name = reader.required_string("name");
    if (diagnostics_.all().size() + diagnostics_.omitted() != before || name.empty()) return {};
    if (const auto problem = name_problem(name)) {
      reader.error("name", *problem);
      return {};
    }
    const auto [first, is_new] = names.emplace(name, reader.place_of("name"));
    if (is_new) return name;
    reader.error("name",
                 "the " + std::string(what) + " \"" + name + "\" is there already, at " + place_text(first->second));
    return {};
  }

  void read_target(const Value& node, const std::string& path) {
    MapReader reader = reader_of(node, path);
    TargetConfig target;
    target.name = read_name(reader, "target", target_names_);
    target.kind = reader.required_string("kind");
    target.node = node;
    target.file = config_.file;
    // The kind reports its own unknown keys; without a kind nobody knows which they are.
    if (node.map() == nullptr || target.kind.empty()) return;
    check_target_(target, path, diagnostics_, catalogue_);
    if (!target.name.empty()) config_.targets.push_back(std::move(target));
  }

  [[nodiscard]] Destination read_destination(MapReader& reader) {
    return DestinationReader(diagnostics_, catalogue_,
                             [this](const std::string& name) -> std::string {
                               if (!knows_targets_ || target_names_.contains(name)) return {};
                               std::vector<std::string_view> known;
                               for (const auto& [target, place] : target_names_) known.push_back(target);
                               return "expected the name of a target, found \"" + name + '"' + meant_text(name, known);
                             })
        .read(reader);
  }

  void read_route(const Value& node, const std::string& path) {
    MapReader reader = reader_of(node, path);
    RouteConfig route;
    route.place = node.place;
    route.name = read_name(reader, "route", route_names_);
    route.description = reader.string("description").value_or("");
    if (route.description.size() > core::kMaxDescriptionBytes)
      reader.error("description", "expected at most " + std::to_string(core::kMaxDescriptionBytes) + " bytes, found " +
                                      std::to_string(route.description.size()));
    route.destination = read_destination(reader);
    route.score_threshold = reader.optional_number("score_threshold");
    read_metadata(reader, route);
    const bool has_references = read_rows(reader, "references", route.name, route.references);
    (void)read_rows(reader, "negatives", route.name, route.negatives);
    reader.finish();
    if (node.map() == nullptr || route.name.empty()) return;
    if (!has_references && config_.decision.default_route != route.name) {
      reader.error("references",
                   "is required: expected a map with vectors, found nothing (only decision.default_route "
                   "needs no references)");
    }
    config_.routes.push_back(std::move(route));
  }

  void read_metadata(MapReader& reader, RouteConfig& route) {
    const Value* metadata = reader.raw("metadata", "map of scalars");
    if (metadata == nullptr) return;
    if (metadata->map() == nullptr) {
      reader.error("metadata", "expected a map, found " + found_text(*metadata));
      return;
    }
    for (const Member& member : *metadata->map()) {
      const Value& value = member.value;
      if (value.is_scalar()) continue;
      diagnostics_.error(value.place, reader.path_of("metadata") + '.' + member.key,
                         "expected a string, a number or a boolean, found " + found_text(value));
    }
    // As much as a change may give a route, so that every route can be exported and imported.
    std::string text;
    append_json_value(*metadata, text);
    if (text.size() > core::kMaxMetadataBytes)
      reader.error("metadata", "expected at most " + std::to_string(core::kMaxMetadataBytes) +
                                   " bytes as JSON, found " + std::to_string(text.size()));
    route.metadata = *metadata;
  }

  // Whether the key is there at all.
  bool read_rows(MapReader& route, std::string_view key, const std::string& name, ReferenceRows& rows) {
    const Value* node = route.raw(key, "map");
    if (node == nullptr) return false;
    MapReader reader = reader_of(*node, route.path_of(key));
    const Value* vectors = reader.raw("vectors", "vectors", {}, "required");
    const Value* labels = reader.raw("labels", "string");
    const std::optional<std::string> label = reader.string("label");
    reader.finish();
    if (node->map() == nullptr) return true;
    if (vectors == nullptr) {
      reader.error("vectors",
                   "is required: expected a .npy or .jsonl file, a vector, or a list of these, found nothing");
      return true;
    }
    const std::optional<RowSet> set =
        references_.open(*vectors, reader.path_of("vectors"), labels, reader.path_of("labels"));
    if (!set) return true;
    if (label && !set->has_labels()) {
      reader.error("label", "expected none, as the vectors have no labels: name a labels file, or drop it");
      return true;
    }
    const std::string& wanted = label ? *label : name;
    if (wanted.empty()) return true;  // the route's name was refused
    rows = set->select(wanted);
    if (rows.values.empty()) {
      reader.error(label ? "label" : "vectors", "no row of " + set->description() + " has the label \"" + wanted + '"' +
                                                    meant_text(wanted, set->labels()));
    }
    return true;
  }

  void read_set(const Value& node, const std::string& path) {
    MapReader reader = reader_of(node, path);
    const Value* vectors = reader.raw("vectors", "vectors", {}, "required");
    const Value* labels = reader.raw("labels", "string");
    const Destination destination = read_destination(reader);
    const std::vector<std::string> except = reader.strings("except");
    reader.finish();
    if (node.map() == nullptr) return;
    if (vectors == nullptr) {
      reader.error("vectors", "is required: expected a .npy or .jsonl file, or a list of these, found nothing");
      return;
    }
    const std::optional<RowSet> set = references_.open(*vectors, path + ".vectors", labels, path + ".labels");
    if (!set) return;
    if (!set->has_labels()) {
      reader.error("labels", "is required: expected a labels file, as the vectors have no labels themselves");
      return;
    }
    add_labels(reader, *set, destination, except, node.place);
  }

  void add_labels(MapReader& reader, const RowSet& set, const Destination& destination,
                  const std::vector<std::string>& except, Place place) {
    const std::vector<std::string> labels = set.labels();
    for (const std::string& label : except) {
      if (std::ranges::find(labels, label) != labels.end()) continue;
      reader.error("except",
                   "no row of " + set.description() + " has the label \"" + label + '"' + meant_text(label, labels));
    }
    const std::set<std::string, std::less<>> left_out(except.begin(), except.end());
    for (const std::string& label : labels) {
      if (left_out.contains(label)) continue;
      if (const auto problem = name_problem(label)) {
        reader.error("labels", "the label \"" + label + "\" cannot name a route: " + *problem);
        continue;
      }
      const auto [first, is_new] = route_names_.emplace(label, place);
      if (!is_new) {
        reader.error("except", "the route \"" + label + "\" is there already, at " + place_text(first->second) +
                                   ": add it to except");
        continue;
      }
      RouteConfig route;
      route.name = label;
      route.destination = destination;
      route.place = place;
      route.references = set.select(label);
      config_.routes.push_back(std::move(route));
    }
  }

  void check_default_route() {
    const std::optional<std::string>& wanted = config_.decision.default_route;
    if (!wanted || route_names_.contains(*wanted)) return;
    std::vector<std::string_view> known;
    for (const auto& [name, place] : route_names_) known.push_back(name);
    const Value* place = root_.section("decision").find("default_route");
    diagnostics_.error(place->place, "decision.default_route",
                       "expected the name of a route, found \"" + *wanted + '"' + meant_text(*wanted, known));
  }

  void check_capacity() {
    const std::size_t dimension = config_.index.dimension;
    if (dimension == 0) return;
    std::size_t count = 0;
    for (const RouteConfig& route : config_.routes) {
      count += (route.references.values.size() + route.negatives.values.size()) / dimension;
    }
    if (count <= config_.index.capacity) return;
    const Value* capacity = root_.section("index").find("capacity");
    diagnostics_.error(capacity != nullptr ? capacity->place : Place{}, "index.capacity",
                       "expected room for the " + std::to_string(count) + " vectors of the routes, found " +
                           std::to_string(config_.index.capacity));
  }

  MapReader& root_;
  const TargetChecker& check_target_;
  Config& config_;
  Diagnostics& diagnostics_;
  KeyCatalogue* catalogue_;
  ReferenceReader references_;
  bool knows_targets_ = true;
  std::map<std::string, Place, std::less<>> target_names_;
  std::map<std::string, Place, std::less<>> route_names_;
};

}  // namespace

void read_routes(MapReader& root, const TargetChecker& check_target, Config& config, Diagnostics& diagnostics,
                 KeyCatalogue* catalogue) {
  RoutesReader(root, check_target, config, diagnostics, catalogue).read();
}

void read_route(const Value& node, Config& config, Diagnostics& diagnostics) {
  static const TargetChecker kNoTargets;
  MapReader root(node, "", diagnostics);
  RoutesReader(root, kNoTargets, config, diagnostics, nullptr).read_alone(node);
}

}  // namespace semroute::config
