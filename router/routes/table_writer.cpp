#include "router/routes/table_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/scalar.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "router/protocol/request.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

Error bad(const RouteChange& change, std::string message) {
  return {ErrorCode::bad_request, change.path + std::move(message)};
}

std::string quoted(std::string_view name) { return '"' + shown(name) + '"'; }

// Of the change as a whole rather than of one of its fields.
Error about(const RouteChange& change, ErrorCode code, const std::string& message) {
  const std::string_view path = change.path;
  return {code, path.empty() ? message : std::string(path.substr(0, path.size() - 1)) + ": " + message};
}

std::optional<std::uint64_t> version_of(const TableEntry& entry) {
  if (entry.active != nullptr && entry.active->source == RouteSource::run_time) return entry.active->version;
  if (entry.parked != nullptr) return entry.parked->route->version;
  return std::nullopt;
}

Result<void> check_version(const RouteChange& change, const TableEntry& now) {
  if (!change.if_version) return {};
  const auto version = version_of(now);
  if (version.value_or(0) == *change.if_version) return {};
  return Error{ErrorCode::conflict,
               change.path + "if_version: " + std::to_string(*change.if_version) + " was expected, but " +
                   (version ? "route " + quoted(change.name) + " has version " + std::to_string(*version)
                            : "there is no route " + quoted(change.name))};
}

std::string place_text(const std::string& file, config::Place place) {
  return file + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
}

void set_fields(const RouteFields& fields, Route& route) {
  if (fields.description) route.description = *fields.description;
  fields.apply_to(route.destination);
  if (fields.score_threshold) route.score_threshold = *fields.score_threshold;
  if (fields.metadata) route.metadata = *fields.metadata;
}

Result<void> check_shape(const std::string& name, const ChangeRows& rows, std::size_t dimension) {
  if (rows.count == 0) return {};
  if (rows.dimension == dimension && !rows.ragged) return {};
  const std::size_t at = rows.dimension != dimension ? 0 : rows.ragged->first;
  const std::size_t has = rows.dimension != dimension ? rows.dimension : rows.ragged->second;
  return Error{ErrorCode::dimension_mismatch, name + "[" + std::to_string(at) + "] has " + std::to_string(has) +
                                                  " numbers, the index " + std::to_string(dimension)};
}

Result<void> check_positions(const RouteChange& change, const char* field, std::vector<std::size_t> rows,
                             std::size_t count) {
  std::ranges::sort(rows);
  if (!rows.empty() && rows.back() >= count)
    return bad(change, std::string(field) + ": there is no row " + std::to_string(rows.back()) + ", route " +
                           quoted(change.name) + " has " + std::to_string(count));
  if (const auto twin = std::ranges::adjacent_find(rows); twin != rows.end())
    return bad(change, std::string(field) + ": row " + std::to_string(*twin) + " is named twice");
  return {};
}

RowNamer rows_of_fields(const RouteChange& change, const std::string& references, const std::string& negatives) {
  return [path = change.path, references, negatives](const char* side, std::size_t row) {
    return path + (std::string_view(side) == "reference" ? references : negatives) + "[" + std::to_string(row) + "]: ";
  };
}

std::size_t rows_of(const Route& route) { return route.references.count() + route.negatives.count(); }

}  // namespace

std::string missing_target(const config::Destination& destination, const TableWriter::TargetNames& targets) {
  std::string missing;
  config::for_each_target(destination, [&](std::string_view, const std::string& name) {
    if (missing.empty() && !targets.contains(name)) missing = name;
  });
  return missing;
}

TableEntry TableWriter::find(const Entries& edited, std::string_view name) const {
  for (const Entries* entries : {&edited, &draft_})
    if (const auto found = entries->find(name); found != entries->end()) return found->second;
  TableEntry entry;
  if (const auto position = newest_->table.find(name)) entry.active = newest_->table.shared_routes()[*position];
  const auto& parked = newest_->parked;
  const auto at =
      std::ranges::lower_bound(parked, name, {}, [](const auto& one) -> std::string_view { return one->route->name; });
  if (at != parked.end() && (*at)->route->name == name) entry.parked = *at;
  return entry;
}

// `destination` is that of the route once it is changed.
Result<void> TableWriter::check_destination(const RouteChange& change, const config::Destination& destination) const {
  const bool is_patch = change.kind == RouteChange::Kind::patch;
  const std::string fields = is_patch ? "set." : "route.";
  Result<void> found;
  config::for_each_target(destination, [&](std::string_view key, const std::string& name) {
    if (!found.ok() || targets_.contains(name)) return;
    const bool is_new = !is_patch || (key == "target" && change.fields.targets) ||
                        (key == "fallback_targets" && change.fields.fallbacks) ||
                        (key == "mirror.target" && change.fields.mirror);
    const std::string_view meant = config::nearest_word(name, targets_);
    found = is_new ? bad(change, fields + std::string(key) + ": expected the name of a target, found " + quoted(name) +
                                     (meant.empty() ? "" : "; did you mean " + std::string(meant) + '?'))
                   : about(change, ErrorCode::conflict,
                           "route " + quoted(change.name) + " is parked: its target " + quoted(name) +
                               " is not there; set another one");
  });
  if (!found.ok()) return found;
  if (const std::string problem = config::problem_of(destination); !problem.empty())
    return bad(change, fields + problem);
  return {};
}

Result<void> TableWriter::check_rows(const RouteChange& change, const char* references, const char* negatives) const {
  const std::size_t dimension = indexes_.references->params().dimension;
  if (auto done = check_shape(change.path + references, change.references, dimension); !done.ok()) return done;
  return check_shape(change.path + negatives, change.negatives, dimension);
}

Result<TableEntry> TableWriter::put(const RouteChange& change, std::uint64_t revision, const TableEntry& now,
                                    TableEdit& edit) const {
  if (const auto problem = config::name_problem(change.name)) return bad(change, "route.name: " + *problem);
  config::Destination destination;
  change.fields.apply_to(destination);
  if (auto done = check_destination(change, destination); !done.ok()) return done.error();
  if (change.references.count == 0) return bad(change, "route.references: expected at least one");
  if (auto done = check_rows(change, "route.references", "route.negatives"); !done.ok()) return done.error();
  config::RouteConfig content;
  content.name = change.name;
  content.references = {change.references.values, change.references.texts};
  content.negatives = {change.negatives.values, change.negatives.texts};
  auto made = edit.make(content, RouteSource::run_time, revision,
                        rows_of_fields(change, "route.references", "route.negatives"));
  if (!made.ok()) return made.error();
  set_fields(change.fields, **made);
  if (now.active != nullptr) edit.drop(*now.active);
  return TableEntry{std::move(made).value(), nullptr};
}

Result<TableEntry> TableWriter::patch(const RouteChange& change, std::uint64_t revision, const TableEntry& now,
                                      TableEdit& edit) const {
  std::shared_ptr<const Route> before = now.active;
  if (before == nullptr) {
    if (now.parked->references.empty())
      return about(change, ErrorCode::conflict, "route " + quoted(change.name) + " is parked: " + now.parked->reason);
    auto active = edit.activate(*now.parked);
    if (!active.ok()) return active.error();
    before = std::move(active).value();
  }
  config::Destination destination = before->destination;
  change.fields.apply_to(destination);
  if (auto done = check_destination(change, destination); !done.ok()) return done.error();
  if (auto done = check_rows(change, "add", "add_negatives"); !done.ok()) return done.error();
  if (auto done = check_positions(change, "remove", change.remove, before->references.count()); !done.ok())
    return done.error();
  if (auto done = check_positions(change, "remove_negatives", change.remove_negatives, before->negatives.count());
      !done.ok())
    return done.error();
  if (change.remove.size() == before->references.count() && change.references.count == 0)
    return bad(change, "remove: route " + quoted(change.name) + " would have no references left; delete it instead");
  auto made = edit.with_rows(*before, change, revision, rows_of_fields(change, "add", "add_negatives"));
  if (!made.ok()) return made.error();
  set_fields(change.fields, **made);
  return TableEntry{std::move(made).value(), nullptr};
}

Result<void> TableWriter::apply_one(const RouteChange& change, std::uint64_t revision, TableEdit& edit,
                                    Entries& entries, std::ptrdiff_t& rows) const {
  const TableEntry now = find(entries, change.name);
  const bool is_erase = change.kind == RouteChange::Kind::erase;
  const bool is_file = now.active != nullptr && now.active->source == RouteSource::file;
  if (is_file && !(is_erase && now.parked != nullptr))
    return about(change, ErrorCode::conflict,
                 "route " + quoted(change.name) + " is of the configuration, at " +
                     place_text(file_, now.active->place) + ": change it there and reload");
  const bool is_there = now.active != nullptr || now.parked != nullptr;
  if (change.kind != RouteChange::Kind::put && !is_there)
    return about(change, ErrorCode::not_found, "there is no route " + quoted(change.name));
  if (auto done = check_version(change, now); !done.ok()) return done;
  TableEntry next;
  if (is_erase && is_file) {
    next.active = now.active;  // the parked one goes, the file's stays
  } else if (is_erase) {
    if (now.active != nullptr) edit.drop(*now.active);
  } else {
    auto made =
        change.kind == RouteChange::Kind::put ? put(change, revision, now, edit) : patch(change, revision, now, edit);
    if (!made.ok()) return made.error();
    next = std::move(made).value();
  }
  if (now.active != nullptr) rows -= static_cast<std::ptrdiff_t>(rows_of(*now.active));
  if (next.active != nullptr) rows += static_cast<std::ptrdiff_t>(rows_of(*next.active));
  entries[change.name] = std::move(next);
  return {};
}

Result<void> TableWriter::apply(std::span<const RouteChange> changes, std::uint64_t revision) {
  SEMROUTE_CHECK(newest_ != nullptr);
  auto edit = std::make_unique<TableEdit>(indexes_, threads_);
  Entries entries;
  std::ptrdiff_t rows = 0;
  const auto run = [&]() -> Result<void> {
    for (const RouteChange& change : changes)
      if (auto done = apply_one(change, revision, *edit, entries, rows); !done.ok()) return done;
    const std::ptrdiff_t before = static_cast<std::ptrdiff_t>(newest_->table.row_count()) + draft_rows_;
    if (rows > 0 && before + rows > static_cast<std::ptrdiff_t>(capacity_))
      return Error{ErrorCode::resource_exhausted,
                   "index.capacity is " + std::to_string(capacity_) + ": there are " + std::to_string(before) +
                       " references and negatives, and this would make it " + std::to_string(before + rows)};
    auto done = edit->flush();
    if (!done.ok() && done.error().code == ErrorCode::resource_exhausted)
      return Error{ErrorCode::overloaded,
                   "references that were removed still wait for requests in flight, or memory "
                   "is short: " +
                       done.error().message};
    return done;
  };
  if (auto done = run(); !done.ok()) {
    edit->take_back();
    return done;
  }
  for (auto& [name, entry] : entries) draft_[name] = std::move(entry);
  draft_rows_ += rows;
  inserted_ += edit->inserted();
  edits_.push_back(std::move(edit));
  return {};
}

std::shared_ptr<const RoutingState> TableWriter::finish() {
  std::vector<std::shared_ptr<const Route>> routes;
  std::vector<std::shared_ptr<const ParkedRoute>> parked;
  routes.reserve(newest_->table.routes().size() + draft_.size());
  for (const auto& route : newest_->table.shared_routes())
    if (!draft_.contains(route->name)) routes.push_back(route);
  for (const auto& one : newest_->parked)
    if (!draft_.contains(one->route->name)) parked.push_back(one);
  for (auto& [name, entry] : draft_) {
    if (entry.active != nullptr) routes.push_back(std::move(entry.active));
    if (entry.parked != nullptr) parked.push_back(std::move(entry.parked));
  }
  DecisionRules rules = newest_->table.rules();
  std::optional<std::string> fallback;
  if (rules.default_route) fallback = newest_->table.routes()[*rules.default_route].name;
  std::ranges::sort(routes, {}, [](const auto& route) -> const std::string& { return route->name; });
  if (fallback) {
    const auto found = std::ranges::lower_bound(routes, *fallback, {},
                                                [](const auto& route) -> const std::string& { return route->name; });
    rules.default_route = static_cast<std::size_t>(found - routes.begin());
  }
  RowIds gone;
  for (const auto& edit : edits_) gone.append(edit->gone());
  draft_.clear();
  edits_.clear();
  draft_rows_ = 0;
  succeed(make_state(std::move(routes), std::move(parked), rules), std::move(gone), indexes_.vectors);
  return newest_;
}

void TableWriter::abandon() {
  for (const auto& edit : edits_) edit->take_back();
  draft_.clear();
  edits_.clear();
  draft_rows_ = 0;
}

std::shared_ptr<const RoutingState> TableWriter::make_state(std::vector<std::shared_ptr<const Route>> routes,
                                                            std::vector<std::shared_ptr<const ParkedRoute>> parked,
                                                            DecisionRules rules) {
  std::ranges::sort(parked, {}, [](const auto& one) -> const std::string& { return one->route->name; });
  auto state =
      std::make_shared<RoutingState>(RoutingState{indexes_.references, indexes_.negatives, indexes_.vectors, false,
                                                  RouteTable(std::move(routes), rules), std::move(parked)});
  // With route vectors, references are scored for vetoes only.
  state->approximate =
      state->index->approximate() && (state->route_vectors == nullptr || state->table.negative_count() > 0);
  return state;
}

void TableWriter::succeed(std::shared_ptr<const RoutingState> state, RowIds gone,
                          std::shared_ptr<core::Index> vectors) {
  gone_.push_back({newest_, std::move(gone), std::move(vectors)});
  newest_ = std::move(state);
}

bool TableWriter::collect() {
  RowIds rows;
  std::vector<core::ReferenceId> vectors;
  // One state's rows may be in any older one, too: the oldest is looked at first.
  while (!gone_.empty() && gone_.front().last.expired()) {
    Gone& front = gone_.front();
    rows.references.append(front.rows.references);
    rows.negatives.append(front.rows.negatives);
    if (front.vectors != nullptr) (void)front.vectors->remove(front.rows.vectors.ids());
    gone_.pop_front();
  }
  removed_ += indexes_.references->remove(rows.references.ids()) + indexes_.negatives->remove(rows.negatives.ids());
  return std::ranges::any_of(gone_, [](const Gone& one) {
    return !one.rows.references.empty() || !one.rows.negatives.empty() || !one.rows.vectors.empty();
  });
}

Result<std::shared_ptr<const RoutingState>> build_routing_state(const config::Config& config, std::size_t threads) {
  return TableWriter(threads).load(config);
}

}  // namespace semroute::router
