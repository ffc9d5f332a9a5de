// From a Decision (positions in a table) to the views that codecs write (names and texts).
//
// Threads: pure functions. Lifetime: views point into the state; keep it until the codec has run.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "router/daemon/service_state.h"
#include "router/decide/decide.h"
#include "router/dispatch/dispatch_chain.h"
#include "router/protocol/reply.h"

namespace semroute::router {

// All of `view` but its explain, which is reset. `target`: where the request goes; empty: nowhere. Keeps the view's
// buffers.
void fill_view(const ServiceState& state, const Decision& decision, std::string_view target, DecisionView& view);

// `candidates` best first, as decide.h leaves them; at most kMaxExplainCandidates of them are shown. Times and
// attempts are left to the caller.
[[nodiscard]] ExplainView make_explain(const ServiceState& state, const Decision& decision,
                                       std::span<const RouteScore> candidates);

// For ExplainView::attempts. The views point into `attempts` and the targets.
[[nodiscard]] std::vector<ExplainAttemptView> attempt_views(const std::vector<DispatchAttempt>& attempts);

}  // namespace semroute::router
