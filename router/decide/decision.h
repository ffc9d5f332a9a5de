// Decision: what is asked of deciding, and what comes out; scratch for it.
//
// Threads: plain values; a DecideScratch belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/index/id_set.h"
#include "core/index/reference_id.h"
#include "router/protocol/reply.h"
#include "router/protocol/request.h"

namespace semroute::router {

struct DecideRequest {
  std::span<const float> embedding;  // prepared (core/index/vector_rules.h)
  std::size_t top_k = 1;
  const Filter* filter = nullptr;  // null: no filter
  std::optional<double> score_threshold;
  bool explain = false;
  // The first batch of candidates, when many requests were searched at once (nearest_routes.h); else empty.
  std::span<const core::Hit> fetched = {};
};

struct RouteScore {
  std::size_t route = 0;  // position in the table
  float score = 0.0F;
  double threshold = 0.0;
  bool passed = false;
  bool vetoed = false;
};

// A reference that made a candidate's score, for `explain`.
struct ReferenceScore {
  std::size_t route = 0;
  std::size_t row = 0;  // within the route's references or negatives
  float score = 0.0F;
  bool negative = false;
};

struct Decision {
  DecisionKind kind = DecisionKind::no_match;
  Reason reason = Reason::empty;
  std::optional<std::size_t> route;     // the one served
  std::optional<float> score;           // of the one served
  std::optional<RouteScore> best;       // the highest-scoring candidate, passed or not
  std::optional<RouteScore> runner_up;  // the second-highest
  std::vector<RouteScore> matches;      // min(top_k, scored candidates), best first
  // explain: per route of `matches` the references that made its score (max: one; mean_top, sum_top: top_m;
  // mean, centroid: the nearest kExplainNearest), best first, then its nearest negative; kMaxExplainReferences in all.
  std::vector<ReferenceScore> references;
};

// A route that a search came across (nearest_routes.cpp).
struct SeenRoute {
  std::size_t route = 0;
  std::size_t hits = 0;  // of its references among those fetched
  double sum = 0.0;      // of the best of them
  float nearest = 0.0F;  // the best of them; of all its references when `exact`
  float score = 0.0F;    // when `exact`; else the most that it can be
  bool exact = false;
  bool on_own_rows = false;  // scored on all of its references, rather than on those fetched
  bool judged = false;       // whether `vetoed` is known
  bool vetoed = false;
};

struct DecideScratch {
  std::vector<float> scores;
  std::vector<float> veto_scores;
  // After decide: with `explain`, all of them, best first; else at least those that decided.
  std::vector<RouteScore> candidates;
  std::vector<std::size_t> order;
  std::vector<core::Hit> hits;
  core::IdSet passing;
  std::vector<SeenRoute> seen;
  std::vector<std::uint32_t> places;  // by route: 1 + its place in `seen`, 0 for none; all 0 between requests
  std::vector<std::uint32_t> ranked;  // places in `seen` of routes whose score is known, best first
};

}  // namespace semroute::router
