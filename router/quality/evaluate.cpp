#include "router/quality/evaluate.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "router/decide/aggregate.h"

namespace semroute::router {
namespace {

std::optional<double> share(std::size_t part, std::size_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

template <class Right, class Refused>
Accuracy count(std::span<const EvaluatedRequest> requests, Right right, Refused refused) {
  Accuracy accuracy;
  for (const EvaluatedRequest& request : requests) {
    if (request.out_of_scope) {
      ++accuracy.out_of_scope;
      if (refused(request)) ++accuracy.out_of_scope_refused;
    } else {
      ++accuracy.in_scope;
      if (right(request)) ++accuracy.in_scope_right;
    }
  }
  return accuracy;
}

// The route that answered; empty when none did or when the answer is nobody's fault.
std::string_view answer_of(const EvaluatedRequest& request, Basis basis) {
  if (basis == Basis::best) return request.out_of_scope ? std::string_view() : request.best;
  if (request.out_of_scope && request.decision != DecisionKind::matched) return {};
  return request.served;
}

double best_score_of(const EvaluatedRequest& request) {
  return request.best_score ? double{*request.best_score} : -std::numeric_limits<double>::infinity();
}

}  // namespace

std::optional<double> Accuracy::in_scope_accuracy() const { return share(in_scope_right, in_scope); }
std::optional<double> Accuracy::out_of_scope_recall() const { return share(out_of_scope_refused, out_of_scope); }
std::optional<double> Accuracy::overall() const {
  return share(in_scope_right + out_of_scope_refused, in_scope + out_of_scope);
}

Accuracy accuracy_without_threshold(std::span<const EvaluatedRequest> requests) {
  return count(
      requests, [](const EvaluatedRequest& request) { return request.best == request.label; },
      [](const EvaluatedRequest& request) { return request.best.empty(); });
}

Accuracy accuracy_at(std::span<const EvaluatedRequest> requests, double threshold) {
  const float least = to_threshold(threshold);
  const auto reaches = [least](const EvaluatedRequest& request) {
    return request.best_score && *request.best_score >= least;
  };
  return count(
      requests,
      [&reaches](const EvaluatedRequest& request) { return request.best == request.label && reaches(request); },
      [&reaches](const EvaluatedRequest& request) { return !reaches(request); });
}

Accuracy accuracy_as_configured(std::span<const EvaluatedRequest> requests) {
  return count(
      requests, [](const EvaluatedRequest& request) { return request.served == request.label; },
      [](const EvaluatedRequest& request) { return request.decision != DecisionKind::matched; });
}

std::optional<double> auroc(std::span<const EvaluatedRequest> requests) {
  std::vector<std::pair<double, bool>> scores;  // score, in scope
  scores.reserve(requests.size());
  for (const EvaluatedRequest& request : requests) scores.emplace_back(best_score_of(request), !request.out_of_scope);
  std::sort(scores.begin(), scores.end());

  // Going up: every in-scope request beats all out-of-scope ones below it and half of those that tie with it.
  double wins = 0.0;
  std::size_t in_scope = 0;
  std::size_t out_of_scope = 0;
  for (auto tie = scores.begin(); tie != scores.end();) {
    const auto end = std::find_if(tie, scores.end(), [tie](const auto& entry) { return entry.first != tie->first; });
    const auto in_tie =
        static_cast<std::size_t>(std::count_if(tie, end, [](const auto& entry) { return entry.second; }));
    const std::size_t out_tie = static_cast<std::size_t>(end - tie) - in_tie;
    wins += static_cast<double>(in_tie) * (static_cast<double>(out_of_scope) + 0.5 * static_cast<double>(out_tie));
    in_scope += in_tie;
    out_of_scope += out_tie;
    tie = end;
  }
  if (in_scope == 0 || out_of_scope == 0) return std::nullopt;
  return wins / (static_cast<double>(in_scope) * static_cast<double>(out_of_scope));
}

std::vector<Confusion> most_confused(std::span<const EvaluatedRequest> requests, std::size_t limit, Basis basis) {
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> pairs;
  for (const EvaluatedRequest& request : requests) {
    const std::string_view answered = answer_of(request, basis);
    const std::string_view label = request.out_of_scope ? std::string_view() : request.label;
    if (!answered.empty() && answered != label) ++pairs[{label, answered}];
  }
  std::vector<Confusion> confusions;
  confusions.reserve(pairs.size());
  for (const auto& [pair, times] : pairs)
    confusions.push_back({std::string(pair.first), std::string(pair.second), times});
  std::stable_sort(confusions.begin(), confusions.end(),
                   [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  if (confusions.size() > limit) confusions.resize(limit);
  return confusions;
}

std::optional<double> RouteQuality::precision() const { return share(right, answered); }
std::optional<double> RouteQuality::recall() const { return share(right, requests); }

std::vector<RouteQuality> route_quality(std::span<const EvaluatedRequest> requests, Basis basis) {
  std::map<std::string_view, RouteQuality> routes;
  for (const EvaluatedRequest& request : requests) {
    const std::string_view answered = answer_of(request, basis);
    if (!request.out_of_scope) ++routes[request.label].requests;
    if (answered.empty()) continue;
    RouteQuality& quality = routes[answered];
    ++quality.answered;
    if (!request.out_of_scope && answered == request.label) ++quality.right;
  }
  std::vector<RouteQuality> listed;
  listed.reserve(routes.size());
  for (auto& [name, quality] : routes) {
    quality.route = name;
    listed.push_back(std::move(quality));
  }
  return listed;
}

}  // namespace semroute::router
