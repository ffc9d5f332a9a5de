#include "router/quality/weak_routes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/index/vector_rules.h"
#include "core/kernels/kernels.h"
#include "router/decide/aggregate.h"
#include "router/decide/route_scores.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;

// Rows compared with all rows before them while they stay in the second-level cache.
constexpr std::size_t kBlockBytes = std::size_t{128} * 1024;

void read_row(const core::Index& index, core::ReferenceId id, std::span<float> vector) {
  SEMROUTE_CHECK(index.read(id, vector));
}

// --- left out ---

// The score of `query` against the centroid of the other rows; nothing when those cancel each other.
class CentroidWithout {
 public:
  CentroidWithout(const core::Index& index, const IdRanges& ids)
      : index_(index),
        ids_(ids),
        sum_(index.params().dimension, 0.0),
        query_(index.params().dimension),
        rest_(index.params().dimension) {
    for (std::size_t row = 0; row < ids.count(); ++row) {
      read_row(index, ids.id(row), query_);
      for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += double{query_[i]};
    }
  }

  std::optional<float> score(std::size_t row) {
    read_row(index_, ids_.id(row), query_);
    const double others = static_cast<double>(ids_.count() - 1);
    for (std::size_t i = 0; i < sum_.size(); ++i) rest_[i] = static_cast<float>((sum_[i] - double{query_[i]}) / others);
    if (!core::prepare_vector(index_.params().metric, rest_.size(), rest_, rest_).ok()) return std::nullopt;
    const core::Kernels& kernels = core::active_kernels();
    switch (index_.params().metric) {
      case Metric::cosine:
      case Metric::dot: return kernels.dot(query_.data(), rest_.data(), rest_.size());
      case Metric::euclidean:
        return 1.0F / (1.0F + std::sqrt(kernels.l2_squared(query_.data(), rest_.data(), rest_.size())));
      case Metric::manhattan: return 1.0F / (1.0F + kernels.l1(query_.data(), rest_.data(), rest_.size()));
    }
    return std::nullopt;
  }

 private:
  const core::Index& index_;
  const IdRanges& ids_;
  std::vector<double> sum_;
  std::vector<float> query_;
  std::vector<float> rest_;
};

LeftOut leave_out(const RoutingState& state, std::size_t position, std::vector<float>& scores) {
  const Route& route = state.table.routes()[position];
  const DecisionRules& rules = state.table.rules();
  const IdRanges& ids = route.references;
  LeftOut result;
  result.route = position;
  result.threshold = route.score_threshold.value_or(rules.score_threshold);
  result.tested = std::min(ids.count(), std::max<std::size_t>(1, kMostLeftOutPairs / ids.count()));
  const float least = to_threshold(result.threshold);
  std::optional<CentroidWithout> centroid;
  if (rules.aggregation == Aggregation::centroid) centroid.emplace(*state.index, ids);
  std::vector<float> query(state.index->params().dimension);
  scores.resize(ids.count());
  for (std::size_t test = 0; test < result.tested; ++test) {
    const std::size_t row = test * ids.count() / result.tested;
    std::optional<float> score;
    if (centroid) {
      score = centroid->score(row);
    } else {
      read_row(*state.index, ids.id(row), query);
      (void)scores_of(*state.index, query, ids, scores);
      scores[row] = scores.back();
      score = aggregate(rules.aggregation, rules.top_m, std::span<float>(scores).first(ids.count() - 1)).score;
    }
    if (!score || *score < least) ++result.refused;
  }
  return result;
}

// --- near duplicates ---

double norm_of(Metric metric, std::span<const float> vector) {
  double sum = 0.0;
  for (const float value : vector)
    sum += metric == Metric::manhattan ? std::fabs(double{value}) : double{value} * double{value};
  return metric == Metric::manhattan ? sum : std::sqrt(sum);
}

// Whether a score between vectors of these norms makes them near duplicates.
bool is_near_duplicate(Metric metric, float score, double first_norm, double second_norm) {
  switch (metric) {
    case Metric::cosine: return double{score} >= kNearDuplicateCosine;
    case Metric::dot: {
      const double scale = first_norm * second_norm;
      return scale > 0.0 && double{score} >= kNearDuplicateCosine * scale;
    }
    case Metric::euclidean:
    case Metric::manhattan: {
      static const double kShare = std::sqrt(2.0 - 2.0 * kNearDuplicateCosine);
      return 1.0 / double{score} - 1.0 <= kShare * std::min(first_norm, second_norm);
    }
  }
  return false;
}

// The references of all routes one after another, negatives left out.
struct Row {
  std::size_t route = 0;
  std::size_t row = 0;
  core::ReferenceId id = 0;
  double norm = 1.0;
};

std::vector<Row> all_references(const RoutingState& state) {
  std::vector<Row> rows;
  const RouteList routes = state.table.routes();
  std::vector<float> vector(state.index->params().dimension);
  for (std::size_t position = 0; position < routes.size(); ++position) {
    const IdRanges& ids = routes[position].references;
    for (std::size_t row = 0; row < ids.count(); ++row) {
      read_row(*state.index, ids.id(row), vector);
      rows.push_back({position, row, ids.id(row), norm_of(state.index->params().metric, vector)});
    }
  }
  return rows;
}

// Of a state that was built whole, where the rows of a route lie side by side.
// Compares one block of a route's references with every reference of the routes before it.
template <class Found>
void compare_block(const core::Index& index, std::span<const Row> before, std::span<const Row> block,
                   std::vector<float>& scores, Found found) {
  const core::Metric metric = index.params().metric;
  std::vector<float> query(index.params().dimension);
  scores.resize(block.size());
  for (const Row& first : before) {
    read_row(index, first.id, query);
    index.score(query, {block.front().id, block.size()}, scores);
    for (std::size_t i = 0; i < block.size(); ++i)
      if (is_near_duplicate(metric, scores[i], first.norm, block[i].norm)) found(first, block[i], scores[i]);
  }
}

std::vector<NearDuplicates> find_near_duplicates(const RoutingState& state) {
  const std::vector<Row> rows = all_references(state);
  const std::size_t block_rows =
      std::max<std::size_t>(1, kBlockBytes / (state.index->params().dimension * sizeof(float)));
  std::map<std::pair<std::size_t, std::size_t>, NearDuplicates> pairs;
  std::vector<float> scores;
  for (std::size_t begin = 0; begin < rows.size();) {
    const std::size_t route = rows[begin].route;
    const std::size_t route_begin = begin - rows[begin].row;
    const std::size_t route_end = route_begin + state.table.routes()[route].references.count();
    const std::size_t end = std::min(begin + block_rows, route_end);
    compare_block(*state.index, std::span(rows).first(route_begin), std::span(rows).subspan(begin, end - begin), scores,
                  [&pairs](const Row& first, const Row& second, float score) {
                    NearDuplicates& pair = pairs[{first.route, second.route}];
                    pair.first_route = first.route;
                    pair.second_route = second.route;
                    ++pair.count;
                    if (pair.shown.size() < kShownDuplicates) pair.shown.push_back({first.row, second.row, score});
                  });
    begin = end;
  }
  std::vector<NearDuplicates> listed;
  listed.reserve(pairs.size());
  for (auto& [key, pair] : pairs) listed.push_back(std::move(pair));
  return listed;
}

// --- text ---

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", number);
  return text;
}

std::string quoted(const Route& route) { return "\"" + route.name + "\""; }

std::string text_of(const LeftOut& left, const Route& route) {
  std::string text = "route " + quoted(route) + ": " + std::to_string(left.refused) + " of its ";
  if (left.tested < route.references.count())
    text += std::to_string(left.tested) + " tested references (of " + std::to_string(route.references.count()) + ")";
  else
    text += std::to_string(left.tested) + " references";
  return text + " would be refused at its threshold " + number_text(left.threshold) +
         " if they were requests and not listed; lower score_threshold or add references like them";
}

std::string text_of(const TooFew& few, const Route& route, std::size_t top_m) {
  return "route " + quoted(route) + ": it has " + std::to_string(few.references) + " reference" +
         (few.references == 1 ? "" : "s") + ", fewer than decision.top_m " + std::to_string(top_m) +
         ", so that its score is made of fewer than those of other routes";
}

std::string text_of(const NearDuplicates& pair, const Route& first, const Route& second) {
  std::string text = "routes " + quoted(first) + " and " + quoted(second) + " share " + std::to_string(pair.count) +
                     (pair.count == 1 ? " near-duplicate reference" : " near-duplicate references") + ": rows ";
  for (const NearDuplicate& duplicate : pair.shown) {
    if (&duplicate != &pair.shown.front()) text += ", ";
    text += std::to_string(duplicate.first_row) + " and " + std::to_string(duplicate.second_row) + " (score " +
            number_text(duplicate.score) + ")";
  }
  return text + (pair.count > pair.shown.size() ? ", ..." : "");
}

}  // namespace

WeakRoutes find_weak_routes(const RoutingState& state) {
  WeakRoutes weak;
  const DecisionRules& rules = state.table.rules();
  const bool uses_top_m = rules.aggregation == Aggregation::mean_top || rules.aggregation == Aggregation::sum_top;
  std::size_t references = 0;
  std::vector<float> scores;
  for (std::size_t position = 0; position < state.table.routes().size(); ++position) {
    const std::size_t count = state.table.routes()[position].references.count();
    references += count;
    if (count >= 2) weak.left_out.push_back(leave_out(state, position, scores));
    if (uses_top_m && count > 0 && count < rules.top_m) weak.too_few.push_back({position, count});
  }
  weak.duplicates_checked = references <= kMostRowsForDuplicates;
  if (weak.duplicates_checked) weak.near_duplicates = find_near_duplicates(state);
  return weak;
}

std::vector<config::Diagnostic> to_warnings(const WeakRoutes& weak, const RoutingState& state,
                                            const std::string& file) {
  const RouteList routes = state.table.routes();
  std::vector<config::Diagnostic> warnings;
  const auto warn = [&](config::Place place, std::string text) {
    warnings.push_back({config::Severity::warning, file, place, "", std::move(text)});
  };
  for (const LeftOut& left : weak.left_out)
    if (left.refused > 0) warn(routes[left.route].place, text_of(left, routes[left.route]));
  for (const TooFew& few : weak.too_few)
    warn(routes[few.route].place, text_of(few, routes[few.route], state.table.rules().top_m));
  for (const NearDuplicates& pair : weak.near_duplicates)
    warn(routes[pair.first_route].place, text_of(pair, routes[pair.first_route], routes[pair.second_route]));
  if (!weak.duplicates_checked)
    warn({}, "more than " + std::to_string(kMostRowsForDuplicates) +
                 " references: near-duplicate references across routes were not looked for");
  return warnings;
}

}  // namespace semroute::router
