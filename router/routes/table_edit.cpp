#include "router/routes/table_edit.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/index/vector_rules.h"
#include "router/routes/route_vector.h"

namespace semroute::router {
namespace {

using core::Result;

// Rows as they are stored.
std::vector<float> read_rows(const core::Index& index, const IdRanges& ids) {
  const std::size_t dimension = index.params().dimension;
  std::vector<float> rows(ids.count() * dimension);
  std::size_t row = 0;
  for (const core::ReferenceId id : ids.ids())
    SEMROUTE_CHECK(index.read(id, std::span(rows).subspan(dimension * row++, dimension)));
  return rows;
}

template <class T>
std::vector<T> without(const std::vector<T>& values, std::span<const std::size_t> rows, std::size_t width) {
  std::vector<T> kept;
  kept.reserve(values.size());
  auto next = rows.begin();
  for (std::size_t row = 0; row * width < values.size(); ++row) {
    if (next != rows.end() && *next == row) {
      ++next;
      continue;
    }
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * width);
    kept.insert(kept.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  return kept;
}

// Texts of `before` rows without the removed ones, and of the added ones.
std::vector<std::string> patched_texts(const std::vector<std::string>& before, std::size_t before_count,
                                       std::span<const std::size_t> removed, const ChangeRows& added) {
  if (before.empty() && added.texts.empty()) return {};
  std::vector<std::string> texts = before;
  texts.resize(before_count);
  texts = without(texts, removed, 1);
  texts.insert(texts.end(), added.texts.begin(), added.texts.end());
  texts.resize(before_count - removed.size() + added.count);
  return texts;
}

std::vector<std::size_t> ascending(std::vector<std::size_t> rows) {
  std::ranges::sort(rows);
  return rows;
}

struct HashOfHash {
  std::size_t operator()(const RowHash& hash) const noexcept { return static_cast<std::size_t>(hash.low); }
};

Route without_rows(const Route& route) {
  Route copy = route;
  copy.references = {};
  copy.negatives = {};
  copy.vector.reset();
  return copy;
}

void set_content(const config::RouteConfig& content, Route& route) {
  route.name = content.name;
  route.description = content.description;
  route.destination = content.destination;
  route.score_threshold = content.score_threshold;
  route.metadata = content.metadata;
  route.reference_texts = content.references.texts;
  route.negative_texts = content.negatives.texts;
  route.place = content.place;
}

}  // namespace

void RowIds::append(const RowIds& other) {
  references.append(other.references);
  negatives.append(other.negatives);
  vectors.append(other.vectors);
}

RowNamer rows_of_route(const std::string& name) {
  return [name](const char* side, std::size_t row) {
    return "route \"" + name + "\": " + side + " " + std::to_string(row) + " ";
  };
}

TableEdit::TableEdit(SharedIndexes& indexes, std::size_t threads, bool has_new_vectors, KeptGraph* graph,
                     InsertProgress on_inserted)
    : indexes_(indexes),
      has_new_vectors_(has_new_vectors),
      references_(*indexes.references, indexes.next_reference, threads, graph, std::move(on_inserted)),
      negatives_(*indexes.negatives, indexes.next_negative, threads) {
  if (indexes.vectors != nullptr) vectors_.emplace(*indexes.vectors, indexes.next_vector, threads);
}

Result<void> TableEdit::set_vector(Route& route, std::span<const float> raw) {
  route.vector.reset();
  if (!vectors_ || raw.empty()) return {};
  auto vector = route_vector_of(indexes_.aggregation, indexes_.references->params().metric,
                                indexes_.references->params().dimension, raw, route.name);
  if (!vector.ok()) return vector.error();
  const auto ids = vectors_->add_prepared(vector.value());
  if (!ids.ok()) return ids.error();
  route.vector = ids->first;
  return {};
}

// Rows that were there keep their ids, whatever their order is now, as long as that leaves few ranges.
Result<IdRanges> TableEdit::again(RowInserter& rows, const config::ReferenceRows& given,
                                  const std::vector<RowHash>& hashes, const IdRanges& before,
                                  const std::vector<RowHash>& hashes_before, IdRanges& gone, const char* side,
                                  const RowNamer& namer) {
  if (hashes == hashes_before && before.count() == hashes.size()) return before;
  const std::size_t dimension = rows.index().params().dimension;
  const std::span<const float> values(given.values);
  std::unordered_map<RowHash, std::vector<std::size_t>, HashOfHash> free;  // rows of `before`, the first one last
  for (std::size_t row = hashes_before.size(); row-- > 0;) free[hashes_before[row]].push_back(row);
  const std::vector<core::ReferenceId> ids_before = before.ids();
  std::vector<bool> kept(ids_before.size(), false);
  IdRanges ids;
  IdRanges fresh;
  for (std::size_t row = 0; row < hashes.size();) {
    if (const auto found = free.find(hashes[row]); found != free.end() && !found->second.empty()) {
      const std::size_t old = found->second.back();
      found->second.pop_back();
      kept[old] = true;
      ids.append({ids_before[old], 1});
      ++row;
      continue;
    }
    const std::size_t begin = row++;
    while (row < hashes.size() && !free.contains(hashes[row])) ++row;
    const auto added = rows.add(values.subspan(begin * dimension, (row - begin) * dimension),
                                [&](std::size_t at) { return namer(side, begin + at); });
    if (!added.ok()) return added.error();
    ids.append(*added);
    fresh.append(*added);
  }
  if (ids.parts().size() > core::kMaxRangesOfRoute) {
    // Also those that were only just added: they go with the others when nobody has them.
    gone.append(before);
    gone.append(fresh);
    const auto added = rows.add(values, [&](std::size_t at) { return namer(side, at); });
    if (!added.ok()) return added.error();
    return IdRanges(*added);
  }
  for (std::size_t row = 0; row < kept.size(); ++row)
    if (!kept[row]) gone.append({ids_before[row], 1});
  return ids;
}

Result<std::shared_ptr<Route>> TableEdit::make(const config::RouteConfig& content, RouteSource source,
                                               std::uint64_t version, const RowNamer& namer, const Route* before,
                                               std::optional<PlacedRows> placed) {
  const std::size_t dimension = indexes_.references->params().dimension;
  auto route = std::make_shared<Route>();
  set_content(content, *route);
  route->source = source;
  route->version = version;
  if (source == RouteSource::file) {
    route->reference_hashes = hash_rows(content.references.values, dimension);
    route->negative_hashes = hash_rows(content.negatives.values, dimension);
  }
  // Rows that nobody has go with those that nobody needs any more.
  const auto give_up = [&](const core::Error& error) {
    gone_.references.append(route->references);
    gone_.negatives.append(route->negatives);
    return error;
  };
  if (before != nullptr) {
    auto references = again(references_, content.references, route->reference_hashes, before->references,
                            before->reference_hashes, gone_.references, "reference", namer);
    if (!references.ok()) return references.error();
    route->references = std::move(references).value();
    auto negatives = again(negatives_, content.negatives, route->negative_hashes, before->negatives,
                           before->negative_hashes, gone_.negatives, "negative", namer);
    if (!negatives.ok()) return negatives.error();
    route->negatives = std::move(negatives).value();
    if (before->vector && vectors_ && !has_new_vectors_ && route->reference_hashes == before->reference_hashes) {
      route->vector = before->vector;
      return route;
    }
    drop_vector(*before);
  } else {
    const auto references =
        placed ? references_.add(std::move(*placed))
               : references_.add(content.references.values, [&](std::size_t row) { return namer("reference", row); });
    if (!references.ok()) return references.error();
    route->references = *references;
    const auto negatives =
        negatives_.add(content.negatives.values, [&](std::size_t row) { return namer("negative", row); });
    if (!negatives.ok()) return give_up(negatives.error());
    route->negatives = *negatives;
  }
  if (vectors_ && source == RouteSource::run_time)
    route->raw_references = std::make_shared<const std::vector<float>>(content.references.values);
  if (auto done = set_vector(*route, content.references.values); !done.ok()) return give_up(done.error());
  return route;
}

Result<std::shared_ptr<Route>> TableEdit::with_rows(const Route& before, const RouteChange& change,
                                                    std::uint64_t version, const RowNamer& namer) {
  auto route = std::make_shared<Route>(before);
  route->version = version;
  const std::vector<std::size_t> remove = ascending(change.remove);
  const std::vector<std::size_t> remove_negatives = ascending(change.remove_negatives);
  route->references = before.references.without(remove, gone_.references);
  route->negatives = before.negatives.without(remove_negatives, gone_.negatives);
  const auto references =
      references_.add(change.references.values, [&](std::size_t row) { return namer("reference", row); });
  if (!references.ok()) return references.error();
  route->references.append(*references);
  const auto negatives =
      negatives_.add(change.negatives.values, [&](std::size_t row) { return namer("negative", row); });
  if (!negatives.ok()) return negatives.error();
  route->negatives.append(*negatives);
  route->reference_texts = patched_texts(before.reference_texts, before.references.count(), remove, change.references);
  route->negative_texts =
      patched_texts(before.negative_texts, before.negatives.count(), remove_negatives, change.negatives);
  if (auto done = join_ranges(*route); !done.ok()) return done.error();
  if (vectors_ && (!remove.empty() || change.references.count > 0)) {
    auto raw = raw_of(before);
    if (!raw.ok()) return raw.error();
    std::vector<float> rows = without(raw.value(), remove, indexes_.references->params().dimension);
    rows.insert(rows.end(), change.references.values.begin(), change.references.values.end());
    drop_vector(before);
    if (auto done = set_vector(*route, rows); !done.ok()) return done.error();
    route->raw_references = std::make_shared<const std::vector<float>>(std::move(rows));
  }
  return route;
}

// Many patches leave many ranges; under new ids the rows are one again. Codes alone would not be the same again.
Result<void> TableEdit::join_ranges(Route& route) {
  const auto join = [&](RowInserter& rows, IdRanges& ids, IdRanges& gone) -> Result<void> {
    if (ids.parts().size() <= core::kMaxRangesOfRoute || rows.index().params().rerank == core::Rerank::none) return {};
    if (auto done = rows.flush(); !done.ok()) return done;
    const auto joined = rows.add_prepared(read_rows(rows.index(), ids));
    if (!joined.ok()) return joined.error();
    gone.append(ids);
    ids = *joined;
    return {};
  };
  if (auto done = join(references_, route.references, gone_.references); !done.ok()) return done;
  return join(negatives_, route.negatives, gone_.negatives);
}

// The references as they were given; else, as they are stored.
Result<std::vector<float>> TableEdit::raw_of(const Route& route) {
  if (route.raw_references != nullptr) return *route.raw_references;
  if (references_.index().params().rerank == core::Rerank::none)
    return core::Error{
        core::ErrorCode::bad_request,
        "decision.aggregation: with index.rerank none there are no vectors to make a mean of for route \"" +
            route.name + "\"; restart the daemon"};
  if (auto done = references_.flush(); !done.ok()) return done.error();
  return read_rows(references_.index(), route.references);
}

Result<std::shared_ptr<Route>> TableEdit::with_vector(const Route& before) {
  auto route = std::make_shared<Route>(before);
  route->vector.reset();
  if (!vectors_) {
    route->raw_references.reset();
    return route;
  }
  auto raw = raw_of(before);
  if (!raw.ok()) return raw.error();
  if (auto done = set_vector(*route, raw.value()); !done.ok()) return done.error();
  route->raw_references = std::make_shared<const std::vector<float>>(std::move(raw).value());
  return route;
}

std::shared_ptr<const ParkedRoute> TableEdit::park(const Route& route, std::string reason) {
  auto parked = std::make_shared<ParkedRoute>();
  parked->route = std::make_shared<const Route>(without_rows(route));
  parked->reason = std::move(reason);
  parked->reference_count = route.references.count();
  parked->negative_count = route.negatives.count();
  parked->references = read_rows(references_.index(), route.references);
  parked->negatives = read_rows(negatives_.index(), route.negatives);
  drop(route);
  return parked;
}

std::shared_ptr<const ParkedRoute> TableEdit::park(const config::RouteConfig& content, std::uint64_t version,
                                                   std::string reason) const {
  const core::IndexParams& params = references_.index().params();
  auto route = std::make_shared<Route>();
  set_content(content, *route);
  route->source = RouteSource::run_time;
  route->version = version;
  route->raw_references = std::make_shared<const std::vector<float>>(content.references.values);
  auto parked = std::make_shared<ParkedRoute>();
  parked->reason = std::move(reason);
  parked->reference_count = content.references.values.size() / params.dimension;
  parked->negative_count = content.negatives.values.size() / params.dimension;
  const auto prepare = [&](const std::vector<float>& raw, std::vector<float>& rows) {
    rows.resize(raw.size());
    for (std::size_t at = 0; at < raw.size(); at += params.dimension)
      if (!core::prepare_vector(params.metric, params.dimension, std::span(raw).subspan(at, params.dimension),
                                std::span(rows).subspan(at, params.dimension))
               .ok())
        return false;
    return true;
  };
  if (!prepare(content.references.values, parked->references) ||
      !prepare(content.negatives.values, parked->negatives)) {
    parked->references.clear();
    parked->negatives.clear();
  }
  if (!vectors_) route->raw_references.reset();
  parked->route = std::move(route);
  return parked;
}

Result<std::shared_ptr<Route>> TableEdit::activate(const ParkedRoute& parked) {
  auto route = std::make_shared<Route>(*parked.route);
  const auto references = references_.add_prepared(parked.references);
  if (!references.ok()) return references.error();
  const auto negatives = negatives_.add_prepared(parked.negatives);
  if (!negatives.ok()) return negatives.error();
  route->references = *references;
  route->negatives = *negatives;
  if (!vectors_) {
    route->raw_references.reset();
    return route;
  }
  if (route->raw_references == nullptr)
    route->raw_references = std::make_shared<const std::vector<float>>(parked.references);
  if (auto done = set_vector(*route, *route->raw_references); !done.ok()) return done.error();
  return route;
}

void TableEdit::drop(const Route& route) {
  gone_.references.append(route.references);
  gone_.negatives.append(route.negatives);
  drop_vector(route);
}

// Those of an index that is not used any more go with it.
void TableEdit::drop_vector(const Route& route) {
  if (route.vector && !has_new_vectors_) gone_.vectors.append({*route.vector, 1});
}

Result<void> TableEdit::flush() {
  if (auto done = references_.flush(); !done.ok()) return done;
  if (auto done = negatives_.flush(); !done.ok()) return done;
  return vectors_ ? vectors_->flush() : Result<void>{};
}

void TableEdit::take_back() {
  references_.take_back();
  negatives_.take_back();
  if (vectors_) vectors_->take_back();
}

std::size_t TableEdit::inserted() const noexcept { return references_.inserted() + negatives_.inserted(); }

}  // namespace semroute::router
