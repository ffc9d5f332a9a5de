#include "router/decide/nearest_routes.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "router/decide/aggregate.h"
#include "router/decide/route_scores.h"
#include "router/decide/rules.h"

namespace semroute::router {
namespace {

using config::Aggregation;

// The first batch: at least so many, and so many for each route whose rank must be known (CLINC150: enough nine times
// in ten). The next is four times as large, because a search costs much the same for few as for many.
constexpr std::size_t kFewestFetched = 64;
constexpr std::size_t kFetchedPerListed = 25;
constexpr std::size_t kFetchGrowth = 4;
// Fetching a larger share than one in so many, best first, takes longer than scoring all in the order they lie in.
constexpr std::size_t kMostFetchedShare = 24;
// Candidates that a walk keeps: so many times index.hnsw.ef_search, since one miss can turn a decision around, and a
// graph that misses 1.4 % of the nearest references with 64 candidates misses 0.15 % with 256 (CLINC150, 15,000
// references); and so many times those that it is to fetch.
constexpr std::size_t kWalkWidth = 4;
constexpr std::size_t kWalkedPerFetched = 2;
// Rows scored for single routes cost more than rows of a search: at most this share of all, and so many for each
// fetched.
constexpr std::size_t kOwnRowsShare = 8;
constexpr std::size_t kOwnRowsPerFetched = 16;

// Beyond so many vectors that are bounded, the nearest are fetched in less time.
constexpr std::size_t kMostToBound = 2'560;
// Where few routes are clearly better than the rest, bounds leave few to be scored; else all are scored in the end, and
// so many rows, one in so many, were scored in vain.
constexpr std::size_t kBoundedRowsShare = 4;

std::size_t passing_vectors(const RoutingState& state, const DecideRequest& request,
                            std::span<const std::size_t> positions) noexcept {
  if (state.route_vectors != nullptr) return positions.size();
  if (request.filter == nullptr) return state.table.reference_count();
  std::size_t vectors = 0;
  for (const std::size_t position : positions) vectors += state.table.routes()[position].references.count();
  return vectors;
}

// Routes whose rank must be known: those that are asked for, and the runner-up.
std::size_t listed(const DecideRequest& request, std::span<const std::size_t> positions) noexcept {
  return std::min(std::max<std::size_t>(request.top_k, 2), positions.size());
}

std::size_t first_fetch(std::size_t listed) noexcept { return std::max(kFewestFetched, kFetchedPerListed * listed); }
std::size_t most_fetched(std::size_t vectors) noexcept { return std::max(kFewestFetched, vectors / kMostFetchedShare); }

// Not so a mean of distances, which every reference has a part in.
bool is_made_of_nearest(const RoutingState& state) noexcept {
  return state.route_vectors != nullptr || state.table.rules().aggregation != Aggregation::mean;
}

// Routes that pass a filter do not lie side by side.
bool pays_to_bound(const core::Index& index, const DecideRequest& request, std::size_t vectors) noexcept {
  return request.filter == nullptr && vectors >= kFewestToBound && vectors <= kMostToBound && index.has_bounds();
}

// The span that a filter's set of ids has to have.
core::IdRange compared_ids(const RoutingState& state) noexcept {
  return state.route_vectors != nullptr ? state.table.vectors() : state.table.references();
}

class NearestRoutes {
 public:
  NearestRoutes(const RoutingState& state, const DecideRequest& request, std::span<const std::size_t> positions,
                DecideScratch& scratch)
      : state_(state),
        table_(state.table),
        rules_(state.table.rules()),
        request_(request),
        positions_(positions),
        scratch_(scratch),
        index_(compared_index(state)),
        walks_(index_.walks()),
        listed_(listed(request, positions)),
        total_(passing_vectors(state, request, positions)) {
    if (scratch_.places.size() < table_.routes().size()) scratch_.places.resize(table_.routes().size(), 0);
    scratch_.seen.clear();
  }
  ~NearestRoutes() {
    for (const SeenRoute& seen : scratch_.seen) scratch_.places[seen.route] = 0;
  }
  NearestRoutes(const NearestRoutes&) = delete;
  NearestRoutes& operator=(const NearestRoutes&) = delete;

  bool find() {
    if (pays_to_bound(index_, request_, total_)) {
      bound_all();
      own_rows_left_ = total_ / kBoundedRowsShare;
      if (!settle()) return false;
      finish();
      return true;
    }
    if (!is_made_of_nearest(state_)) return false;
    const std::size_t most = most_fetched(total_);
    std::size_t k = first_fetch(listed_);
    if (k > most) return false;
    if (request_.filter != nullptr) collect_passing();
    for (; k <= most; k *= kFetchGrowth) {
      fetch(k);
      own_rows_left_ = std::min(total_ / kOwnRowsShare, k * kOwnRowsPerFetched);
      if (!settle()) continue;
      finish();
      return true;
    }
    return false;
  }

 private:
  enum class Outcome { settled, changed, fetch_more };

  void bound_all();
  void collect_passing();
  void fetch(std::size_t k);
  void note(const core::Hit& hit);
  void add_up(SeenRoute& seen) const;
  void rank();
  bool settle();
  bool is_settled();
  bool score_reported();
  SeenRoute* most_promising();
  Outcome score_low_thresholds();
  void judge();
  void finish();

  [[nodiscard]] std::size_t taken(std::size_t position) const noexcept {
    if (state_.route_vectors != nullptr || rules_.aggregation == Aggregation::max) return 1;
    return std::min(rules_.top_m, table_.routes()[position].references.count());
  }
  [[nodiscard]] float aggregated(double sum, std::size_t count) const noexcept {
    return to_score(rules_.aggregation == Aggregation::sum_top ? sum : sum / static_cast<double>(count));
  }
  // The most that a route can score of which nothing was fetched.
  [[nodiscard]] float most_unseen() const noexcept {
    if (rules_.aggregation != Aggregation::sum_top || floor_ < 0.0F) return floor_;
    return to_score(double{floor_} * static_cast<double>(std::min(rules_.top_m, table_.most_references())));
  }
  [[nodiscard]] bool all_seen() const noexcept { return scratch_.seen.size() == positions_.size(); }

  // Whether a route that scores at most `most` could be among those that are listed.
  [[nodiscard]] bool could_be_listed(float most, std::size_t position) const noexcept {
    if (scratch_.ranked.size() < listed_) return true;
    const SeenRoute& last = scratch_.seen[scratch_.ranked[listed_ - 1]];
    return outranks(most, position, last.score, last.route);
  }
  // Whether, if it passed or a veto alone stopped it, the decision could be another.
  [[nodiscard]] bool could_decide(float most) const noexcept {
    if (passing_ == nullptr || most >= passing_->score) return true;
    return second_passing_ == nullptr && is_ambiguous(rules_, passing_->score, most);
  }

  bool afford(std::size_t position) noexcept {
    const std::size_t rows = rows_to_score(state_, table_.routes()[position]);
    if (rows > own_rows_left_) return false;
    own_rows_left_ -= rows;
    return true;
  }
  SeenRoute& see(std::size_t position);
  void score(SeenRoute& seen);
  bool vetoed(SeenRoute& seen);

  const RoutingState& state_;
  const RouteTable& table_;
  const DecisionRules& rules_;
  const DecideRequest& request_;
  const std::span<const std::size_t> positions_;
  DecideScratch& scratch_;
  const core::Index& index_;
  const bool walks_;
  const std::size_t listed_;  // routes whose rank and score must be known
  const std::size_t total_;   // vectors that pass the filter
  float floor_ = 0.0F;        // what was not fetched scores at most this
  std::size_t own_rows_left_ = 0;
  const SeenRoute* passing_ = nullptr;         // the best that passes
  const SeenRoute* second_passing_ = nullptr;  // the second, when it is near enough to matter
};

// What every route scores at most, of what each of its vectors does: aggregations never fall when a score rises, and
// they are made in the same order, so that rounding cannot turn that around.
void NearestRoutes::bound_all() {
  floor_ = -std::numeric_limits<float>::infinity();
  scratch_.ranked.clear();
  for_neighbours(
      state_, positions_, scratch_.scores,
      [&](core::IdRange ids, std::span<float> most) { index_.bound(request_.embedding, ids, most); },
      [&](std::size_t position, std::span<float> most) { see(position).score = own_score(state_, most).score; });
}

void NearestRoutes::collect_passing() {
  scratch_.passing.reset(compared_ids(state_));
  for (const std::size_t position : positions_)
    for_own_vectors(state_, table_.routes()[position], [&](core::IdRange ids) { scratch_.passing.add(ids); });
}

SeenRoute& NearestRoutes::see(std::size_t position) {
  SeenRoute& seen = scratch_.seen.emplace_back();
  seen.route = position;
  scratch_.places[position] = static_cast<std::uint32_t>(scratch_.seen.size());
  return seen;
}

void NearestRoutes::note(const core::Hit& hit) {
  const bool is_route_vector = state_.route_vectors != nullptr;
  const std::size_t position = is_route_vector ? table_.vector_owner(hit.id) : table_.owner(hit.id);
  if (position == IdOwners::kNobody) return;  // of an older or a later table
  const std::uint32_t place = scratch_.places[position];
  SeenRoute& seen = place == 0 ? see(position) : scratch_.seen[place - 1];
  if (seen.exact) return;
  const float score = is_route_vector ? route_vector_score(state_, hit.score) : hit.score;
  if (seen.hits == 0) seen.nearest = score;
  if (seen.hits < taken(position)) seen.sum += double{score};
  ++seen.hits;
}

// Its score, when enough of its references were fetched; else the most that it can be: sums are made in the same order
// with the floor in place of what is missing, so that rounding cannot turn the order around.
void NearestRoutes::add_up(SeenRoute& seen) const {
  const std::size_t count = taken(seen.route);
  seen.exact = seen.hits >= count;
  double sum = seen.sum;
  for (std::size_t missing = seen.hits; missing < count; ++missing) sum += double{floor_};
  seen.score = aggregated(sum, count);
}

// The k nearest; routes whose score is known already keep it.
void NearestRoutes::fetch(std::size_t k) {
  auto& seen = scratch_.seen;
  std::span<const core::Hit> hits = request_.fetched;
  if (hits.size() != k) {
    if (scratch_.hits.size() < k) scratch_.hits.resize(k);
    core::SearchOptions options;
    options.ef_search = std::max(kWalkWidth * index_.params().hnsw.ef_search, kWalkedPerFetched * k);
    if (request_.filter != nullptr) options.filter = &scratch_.passing;
    hits = std::span(scratch_.hits).first(index_.search(request_.embedding, k, scratch_.hits, options));
  }
  for (const SeenRoute& one : seen) scratch_.places[one.route] = 0;
  std::erase_if(seen, [](const SeenRoute& one) { return !one.exact; });
  for (std::size_t i = 0; i < seen.size(); ++i) scratch_.places[seen[i].route] = static_cast<std::uint32_t>(i + 1);
  floor_ = hits.size() < k ? -std::numeric_limits<float>::infinity() : hits.back().score;
  if (state_.route_vectors != nullptr) floor_ = route_vector_score(state_, floor_);
  for (const core::Hit& hit : hits) note(hit);
  for (SeenRoute& one : seen)
    if (!one.exact) add_up(one);
  rank();
}

void NearestRoutes::rank() {
  auto& ranked = scratch_.ranked;
  ranked.clear();
  for (std::size_t i = 0; i < scratch_.seen.size(); ++i)
    if (scratch_.seen[i].exact) ranked.push_back(static_cast<std::uint32_t>(i));
  std::ranges::sort(ranked, [&seen = scratch_.seen](std::uint32_t a, std::uint32_t b) {
    return outranks(seen[a].score, seen[a].route, seen[b].score, seen[b].route);
  });
}

// On its own references.
void NearestRoutes::score(SeenRoute& seen) {
  const OwnScore own = score_route(state_, request_.embedding, seen.route, scratch_);
  seen.score = own.score;
  seen.nearest = own.nearest.value_or(0.0F);
  seen.exact = true;
  seen.on_own_rows = true;
  seen.judged = false;
  const auto place = static_cast<std::uint32_t>(&seen - scratch_.seen.data());
  const auto at = std::ranges::find_if(scratch_.ranked, [&](std::uint32_t other) {
    const SeenRoute& ranked = scratch_.seen[other];
    return outranks(seen.score, seen.route, ranked.score, ranked.route);
  });
  scratch_.ranked.insert(at, place);
}

bool NearestRoutes::vetoed(SeenRoute& seen) {
  if (!seen.judged) {
    const bool is_route_vector = state_.route_vectors != nullptr;
    seen.vetoed = is_vetoed(state_, request_.embedding, seen.route,
                            is_route_vector ? std::nullopt : std::optional(seen.nearest), scratch_);
    seen.judged = true;
  }
  return seen.vetoed;
}

// The best passing route of those whose score is known, and the second while it is near enough to matter.
void NearestRoutes::judge() {
  passing_ = nullptr;
  second_passing_ = nullptr;
  for (const std::uint32_t place : scratch_.ranked) {
    SeenRoute& seen = scratch_.seen[place];
    if (passing_ != nullptr && !is_ambiguous(rules_, passing_->score, seen.score)) return;
    if (!reaches(seen.score, threshold_of(table_, request_, seen.route)) || vetoed(seen)) continue;
    (passing_ == nullptr ? passing_ : second_passing_) = &seen;
    if (second_passing_ != nullptr) return;
  }
}

// Of the routes that were not seen enough of, the one that can score most, if it matters what it scores.
SeenRoute* NearestRoutes::most_promising() {
  SeenRoute* most = nullptr;
  for (SeenRoute& seen : scratch_.seen) {
    if (seen.exact || (most != nullptr && !outranks(seen.score, seen.route, most->score, most->route))) continue;
    if (could_be_listed(seen.score, seen.route) ||
        (could_decide(seen.score) && reaches(seen.score, threshold_of(table_, request_, seen.route))))
      most = &seen;
  }
  return most;
}

// Routes that were not seen and could pass all the same: few, where only some thresholds are low.
NearestRoutes::Outcome NearestRoutes::score_low_thresholds() {
  const float most = most_unseen();
  if (request_.score_threshold)
    return reaches(most, *request_.score_threshold) ? Outcome::fetch_more : Outcome::settled;
  bool changed = false;
  for (const std::size_t position : table_.by_threshold()) {
    if (!reaches(most, table_.threshold(position))) break;
    if (scratch_.places[position] != 0 || !std::ranges::binary_search(positions_, position)) continue;
    if (!afford(position)) return Outcome::fetch_more;
    score(see(position));
    changed = true;
  }
  return changed ? Outcome::changed : Outcome::settled;
}

// A walk may have missed some of a route's references: what is reported is scored on all of them, as far as that is
// cheap. True when it was not before.
bool NearestRoutes::score_reported() {
  const auto is_due = [this](const SeenRoute& seen) { return !seen.on_own_rows && afford(seen.route); };
  std::size_t at = 0;
  while (at < listed_ && !is_due(scratch_.seen[scratch_.ranked[at]])) ++at;
  if (at == listed_) {
    if (passing_ == nullptr || !is_due(*passing_)) return false;
    const std::uint32_t place = scratch_.places[passing_->route] - 1;
    at = static_cast<std::size_t>(std::ranges::find(scratch_.ranked, place) - scratch_.ranked.begin());
  }
  SeenRoute& seen = scratch_.seen[scratch_.ranked[at]];
  scratch_.ranked.erase(scratch_.ranked.begin() + static_cast<std::ptrdiff_t>(at));
  score(seen);
  return true;
}

// Whether the decision is known without fetching more.
bool NearestRoutes::settle() {
  while (is_settled())
    if (!walks_ || !score_reported()) return true;
  return false;
}

// Of what the index found.
bool NearestRoutes::is_settled() {
  for (;;) {
    judge();
    if (SeenRoute* seen = most_promising(); seen != nullptr) {
      if (!afford(seen->route)) return false;
      score(*seen);
      continue;
    }
    if (all_seen()) return true;
    const float most = most_unseen();
    if (could_be_listed(most, 0)) return false;
    if (!could_decide(most)) return true;
    const Outcome outcome = score_low_thresholds();
    if (outcome != Outcome::changed) return outcome == Outcome::settled;
  }
}

void NearestRoutes::finish() {
  for (std::size_t i = 0; i < listed_; ++i) (void)vetoed(scratch_.seen[scratch_.ranked[i]]);
  // A default route is served with its own score.
  const bool is_served = passing_ != nullptr && second_passing_ == nullptr;
  if (const auto fallback = rules_.default_route; fallback && !is_served) {
    if (std::ranges::binary_search(positions_, *fallback)) {
      const std::uint32_t place = scratch_.places[*fallback];
      SeenRoute& seen = place == 0 ? see(*fallback) : scratch_.seen[place - 1];
      if (!seen.exact) score(seen);
      (void)vetoed(seen);
    }
  }
  for (const SeenRoute& seen : scratch_.seen) {
    if (!seen.judged) continue;
    scratch_.candidates.push_back(
        {.route = seen.route, .score = seen.score, .threshold = 0.0, .passed = false, .vetoed = seen.vetoed});
  }
  std::ranges::sort(scratch_.candidates, {}, &RouteScore::route);
}

}  // namespace

bool pays_to_search(const RoutingState& state, const DecideRequest& request,
                    std::span<const std::size_t> positions) noexcept {
  if (request.explain || positions.size() <= std::max<std::size_t>(request.top_k, 2)) return false;
  if (request.filter != nullptr && compared_ids(state).count > core::kMaxFilteredSpan) return false;
  const std::size_t vectors = passing_vectors(state, request, positions);
  if (pays_to_bound(compared_index(state), request, vectors)) return true;
  return is_made_of_nearest(state) && vectors >= kFewestToFetch;
}

void fetch_together(const RoutingState& state, const DecideRequest& request, std::span<const float> embeddings,
                    FetchedBatch& batch) {
  batch.k = 0;
  const core::Index& index = compared_index(state);
  const std::span<const std::size_t> positions = state.table.referenced();
  if (request.filter != nullptr || index.walks() || !pays_to_search(state, request, positions)) return;
  const std::size_t vectors = passing_vectors(state, request, positions);
  const std::size_t k = first_fetch(listed(request, positions));
  if (pays_to_bound(index, request, vectors) || k > most_fetched(vectors)) return;
  const std::size_t count = embeddings.size() / index.params().dimension;
  batch.k = k;
  batch.hits.resize(count * k);
  batch.counts.resize(count);
  index.search_many(embeddings, k, batch.hits, batch.counts);
}

bool find_nearest_routes(const RoutingState& state, const DecideRequest& request,
                         std::span<const std::size_t> positions, DecideScratch& scratch) {
  return NearestRoutes(state, request, positions, scratch).find();
}

}  // namespace semroute::router
