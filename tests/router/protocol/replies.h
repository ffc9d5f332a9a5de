// Replies as the daemon makes them, for tests of the encoders.
#pragma once

#include "router/protocol/reply.h"

namespace semroute::router::test {

// Matched "billing" with score 0.83, metadata and two matches.
inline DecisionReply matched() {
  static const config::Value metadata = [] {
    config::Value gold;
    gold.data = std::string("gold");
    config::Value map;
    map.data = config::Value::Map{config::Member{"tier", {}, gold}};
    return map;
  }();
  DecisionReply reply{.request_id = "r-1", .revision = 17};
  reply.decisions.push_back({.decision = DecisionKind::matched,
                             .reason = Reason::passed,
                             .route = "billing",
                             .score = 0.83F,
                             .metadata = &metadata,
                             .target = "billing-api",
                             .matches = {{"billing", 0.83F, 0.6, true}, {"refund", 0.41F, 0.5, false}}});
  return reply;
}

inline DecisionReply no_match() {
  DecisionReply reply{.request_id = "r-1", .revision = 17};
  reply.decisions.push_back({.decision = DecisionKind::no_match,
                             .reason = Reason::below_threshold,
                             .matches = {{"billing", 0.25F, 0.5, false}}});
  return reply;
}

}  // namespace semroute::router::test
