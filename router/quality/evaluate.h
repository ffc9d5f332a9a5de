// evaluate: how well labelled requests were routed; the numbers behind `semroute eval`.
//
// One EvaluatedRequest a request, in any order; the functions are pure. A request with no candidate has no
// best score, which counts as lower than every score and every threshold.
// Shares of nothing (no in-scope requests, no served ones) are absent, not 0.
// Complexity: O(n), auroc O(n log n), route_quality and most_confused O(n log routes). Threads: any.
// AUROC as the Mann-Whitney statistic with ties counted half: Fawcett, "An introduction to ROC analysis", 2006.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "router/protocol/reply.h"

namespace semroute::router {

struct EvaluatedRequest {
  std::string label;          // the route that should answer; ignored when out of scope
  bool out_of_scope = false;  // no route should answer
  DecisionKind decision = DecisionKind::no_match;
  std::string served;               // empty: none
  std::string best;                 // the highest-scoring route, passed or not; empty: no candidate
  std::optional<float> best_score;  // of `best`
};

// As configured (`served`), or with the highest-scoring route above one threshold for all.
struct Accuracy {
  std::size_t in_scope = 0;      // requests
  std::size_t out_of_scope = 0;  // requests
  std::size_t in_scope_right = 0;
  std::size_t out_of_scope_refused = 0;

  [[nodiscard]] std::optional<double> in_scope_accuracy() const;
  [[nodiscard]] std::optional<double> out_of_scope_recall() const;
  [[nodiscard]] std::optional<double> overall() const;  // right and refused, of all
};

// In scope: the highest-scoring route is the label, whatever its score. Nothing is refused but what has no candidate.
[[nodiscard]] Accuracy accuracy_without_threshold(std::span<const EvaluatedRequest> requests);

// In scope: the highest-scoring route is the label and its score reaches the threshold (compared as in decide.h).
[[nodiscard]] Accuracy accuracy_at(std::span<const EvaluatedRequest> requests, double threshold);

// In scope: the served route is the label, be it matched or the default. Out of scope: not `matched`.
[[nodiscard]] Accuracy accuracy_as_configured(std::span<const EvaluatedRequest> requests);

// The chance that an in-scope request has a higher best score than an out-of-scope one. Absent without both.
[[nodiscard]] std::optional<double> auroc(std::span<const EvaluatedRequest> requests);

enum class Basis : std::uint8_t { best, served };  // which route a request counts for

struct Confusion {
  std::string label;  // empty: out of scope
  std::string answered;
  std::size_t count = 0;
};

// Wrong answers by pair of routes, most frequent first, ties by name; at most `limit`. Refusals are no answers, nor
// is a default route that answers an out-of-scope request; with Basis::best only in-scope requests count.
[[nodiscard]] std::vector<Confusion> most_confused(std::span<const EvaluatedRequest> requests, std::size_t limit,
                                                   Basis basis);

struct RouteQuality {
  std::string route;
  std::size_t requests = 0;  // labelled with it
  std::size_t answered = 0;  // it answered, rightly or not
  std::size_t right = 0;

  [[nodiscard]] std::optional<double> precision() const;  // right of answered
  [[nodiscard]] std::optional<double> recall() const;     // right of requests
};

// Every route that is a label or answered, by name bytewise. With Basis::served, out-of-scope requests that a
// route answered as `matched` count against it; with Basis::best only in-scope requests count.
[[nodiscard]] std::vector<RouteQuality> route_quality(std::span<const EvaluatedRequest> requests, Basis basis);

}  // namespace semroute::router
