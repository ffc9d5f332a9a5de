#include "router/verbs/decision_views.h"

#include <algorithm>

#include "core/base/limits.h"

namespace semroute::router {

namespace {

std::string_view outcome_of(const Decision& decision, const RouteScore& candidate) {
  if (candidate.vetoed) return "vetoed";
  if (!candidate.passed) return "below_threshold";
  if (decision.reason == Reason::ambiguous) return "ambiguous";
  if (decision.kind == DecisionKind::matched && decision.route == candidate.route) return "served";
  return "passed";
}

}  // namespace

void fill_view(const ServiceState& state, const Decision& decision, std::string_view target, DecisionView& view) {
  const RouteList routes = state.routing->table.routes();
  view.decision = decision.kind;
  view.reason = decision.reason;
  view.score = decision.score;
  view.route = decision.route ? std::string_view(routes[*decision.route].name) : std::string_view();
  view.metadata = decision.route ? &routes[*decision.route].metadata : nullptr;
  view.target = target;
  view.approximate = state.routing->approximate;
  view.matches.clear();
  for (const auto& m : decision.matches) view.matches.push_back({routes[m.route].name, m.score, m.threshold, m.passed});
  view.explain.reset();
}

ExplainView make_explain(const ServiceState& state, const Decision& decision, std::span<const RouteScore> candidates) {
  const RouteList routes = state.routing->table.routes();
  ExplainView explain;
  for (const auto& r : decision.references) {
    const auto& texts = r.negative ? routes[r.route].negative_texts : routes[r.route].reference_texts;
    explain.references.push_back({routes[r.route].name, r.row, r.score,
                                  r.row < texts.size() ? std::string_view(texts[r.row]) : std::string_view(),
                                  r.negative});
  }
  const std::size_t shown = std::min(candidates.size(), core::kMaxExplainCandidates);
  explain.candidates.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const RouteScore& c = candidates[i];
    // The last one leads nobody.
    const double margin = i + 1 < candidates.size() ? double{c.score} - double{candidates[i + 1].score} : 0.0;
    explain.candidates.push_back({routes[c.route].name, c.score, c.threshold, margin, outcome_of(decision, c)});
  }
  return explain;
}

std::vector<ExplainAttemptView> attempt_views(const std::vector<DispatchAttempt>& attempts) {
  std::vector<ExplainAttemptView> views;
  views.reserve(attempts.size());
  for (const auto& [target, attempt] : attempts)
    views.push_back({target->name(), attempt.endpoint, attempt.outcome, attempt.took_us});
  return views;
}

}  // namespace semroute::router
