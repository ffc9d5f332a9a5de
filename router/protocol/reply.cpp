#include "router/protocol/reply.h"

namespace semroute::router {

std::string_view to_string(DecisionKind decision) noexcept {
  switch (decision) {
    case DecisionKind::no_match: return "no_match";
    case DecisionKind::matched: return "matched";
    case DecisionKind::fallback: return "default";
  }
  return "no_match";
}

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::passed: return "passed";
    case Reason::below_threshold: return "below_threshold";
    case Reason::negative: return "negative";
    case Reason::ambiguous: return "ambiguous";
    case Reason::filtered: return "filtered";
    case Reason::empty: return "empty";
  }
  return "empty";
}

}  // namespace semroute::router
