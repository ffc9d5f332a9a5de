// The rules once more, in float64 and as plainly as they read: what decide() is held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "config/config.h"
#include "router/decide/decide.h"

namespace semroute::router::test {

using Vector = std::vector<double>;

inline double naive_norm(const Vector& v) {
  double sum = 0.0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

inline Vector naive_unit(Vector v) {
  const double norm = naive_norm(v);
  for (double& x : v) x /= norm;
  return v;
}

inline double naive_score(core::Metric metric, const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    switch (metric) {
      case core::Metric::cosine:
      case core::Metric::dot: sum += a[i] * b[i]; break;
      case core::Metric::euclidean: sum += (a[i] - b[i]) * (a[i] - b[i]); break;
      case core::Metric::manhattan: sum += std::fabs(a[i] - b[i]); break;
    }
  }
  switch (metric) {
    case core::Metric::cosine: return sum / (naive_norm(a) * naive_norm(b));
    case core::Metric::dot: return sum;
    case core::Metric::euclidean: return 1.0 / (1.0 + std::sqrt(sum));
    case core::Metric::manhattan: return 1.0 / (1.0 + sum);
  }
  return 0.0;
}

struct NaiveRoute {
  std::string name;
  double score = 0.0;
  double threshold = 0.0;
  bool vetoed = false;
  bool passed = false;
};

struct NaiveDecision {
  DecisionKind kind = DecisionKind::no_match;
  Reason reason = Reason::empty;
  std::string route;
  std::vector<NaiveRoute> ranked;
  double nearest_tie = 1e9;  // how near any comparison came to going the other way
};

class NaiveDecider {
 public:
  explicit NaiveDecider(const config::Config& config) : config_(config) {}

  NaiveDecision decide(const std::vector<float>& query, const Filter* filter, std::optional<double> threshold) {
    made_ = {};
    const Vector q(query.begin(), query.end());
    bool any_references = false;
    for (const config::RouteConfig& route : config_.routes) {
      if (route.references.values.empty()) continue;
      any_references = true;
      if (filter == nullptr || passes_filter(*filter, route)) made_.ranked.push_back(scored(route, q, threshold));
    }
    std::sort(made_.ranked.begin(), made_.ranked.end(), [](const NaiveRoute& a, const NaiveRoute& b) {
      return a.score > b.score || (a.score == b.score && a.name < b.name);
    });
    for (std::size_t i = 1; i < made_.ranked.size(); ++i) compare(made_.ranked[i - 1].score, made_.ranked[i].score);
    conclude(any_references, filter);
    return made_;
  }

 private:
  std::vector<Vector> rows(const std::vector<float>& values) const {
    const std::size_t d = config_.index.dimension;
    std::vector<Vector> made;
    for (std::size_t i = 0; i < values.size(); i += d)
      made.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i),
                        values.begin() + static_cast<std::ptrdiff_t>(i + d));
    return made;
  }

  void compare(double a, double b) { made_.nearest_tie = std::min(made_.nearest_tie, std::fabs(a - b)); }

  double aggregated(const std::vector<Vector>& references, std::vector<double> scores, const Vector& query) const {
    const config::DecisionConfig& rules = config_.decision;
    if (rules.aggregation == config::Aggregation::centroid) {
      Vector mean(query.size(), 0.0);
      for (const Vector& reference : references) {
        const Vector used = config_.index.metric == core::Metric::cosine ? naive_unit(reference) : reference;
        for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += used[i] / static_cast<double>(references.size());
      }
      return naive_score(config_.index.metric, query, mean);
    }
    std::sort(scores.rbegin(), scores.rend());
    std::size_t used = scores.size();
    if (rules.aggregation == config::Aggregation::max) used = 1;
    if (rules.aggregation == config::Aggregation::mean_top || rules.aggregation == config::Aggregation::sum_top)
      used = std::min(used, rules.top_m);
    double sum = 0.0;
    for (std::size_t i = 0; i < used; ++i) sum += scores[i];
    return rules.aggregation == config::Aggregation::sum_top ? sum : sum / static_cast<double>(used);
  }

  NaiveRoute scored(const config::RouteConfig& route, const Vector& query, std::optional<double> threshold) {
    NaiveRoute result;
    result.name = route.name;
    const std::vector<Vector> references = rows(route.references.values);
    std::vector<double> scores;
    for (const Vector& reference : references) scores.push_back(naive_score(config_.index.metric, query, reference));
    result.score = aggregated(references, scores, query);
    const double nearest = *std::max_element(scores.begin(), scores.end());
    for (const Vector& negative : rows(route.negatives.values)) {
      const double score = naive_score(config_.index.metric, query, negative);
      compare(score, nearest);
      result.vetoed = result.vetoed || score >= nearest;
    }
    result.threshold = config_.decision.score_threshold;
    if (route.score_threshold) result.threshold = *route.score_threshold;
    if (threshold) result.threshold = *threshold;
    compare(result.score, result.threshold);
    result.passed = !result.vetoed && result.score >= result.threshold;
    return result;
  }

  static bool passes_filter(const Filter& filter, const config::RouteConfig& route) {
    if (filter.routes) {
      bool named = false;
      for (const std::string& name : *filter.routes) named = named || name == route.name;
      if (!named) return false;
    }
    for (const auto& [key, values] : filter.metadata) {
      bool any = false;
      for (const config::Value& value : values) {
        const config::Value* own = route.metadata.find(key);
        any = any || (own != nullptr && *own == value);
      }
      if (!any) return false;
    }
    return true;
  }

  void conclude(bool any_references, const Filter* filter) {
    std::vector<const NaiveRoute*> passing;
    bool vetoed_alone = false;
    for (const NaiveRoute& route : made_.ranked) {
      if (route.passed) passing.push_back(&route);
      vetoed_alone = vetoed_alone || (route.vetoed && route.score >= route.threshold);
    }
    const double margin = config_.decision.margin;
    if (margin > 0.0 && passing.size() > 1) compare(passing[0]->score - passing[1]->score, margin);
    if (made_.ranked.empty()) {
      made_.reason = any_references ? Reason::filtered : Reason::empty;
    } else if (passing.empty()) {
      made_.reason = vetoed_alone ? Reason::negative : Reason::below_threshold;
    } else if (margin > 0.0 && passing.size() > 1 && passing[0]->score - passing[1]->score < margin) {
      made_.reason = Reason::ambiguous;
    } else {
      made_.reason = Reason::passed;
      made_.kind = DecisionKind::matched;
      made_.route = passing[0]->name;
      return;
    }
    for (const config::RouteConfig& route : config_.routes) {
      if (config_.decision.default_route != route.name) continue;
      if (filter != nullptr && !passes_filter(*filter, route)) continue;
      made_.kind = DecisionKind::fallback;
      made_.route = route.name;
    }
  }

  const config::Config& config_;
  NaiveDecision made_;
};

}  // namespace semroute::router::test
