// Reply: what the daemon answers, before a codec turns it into bytes.
//
// Threads: a plain value. Lifetime: views point into the routing state or the request and live
// until the codec has run; a codec copies everything it needs into its output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.h"
#include "core/base/result.h"
#include "router/protocol/request.h"

namespace semroute::router {

// The numbers are part of binary frames: never renumber.
enum class DecisionKind : std::uint8_t { no_match = 0, matched = 1, fallback = 2 };  // fallback: "default"
enum class Reason : std::uint8_t {
  passed = 0,
  below_threshold = 1,
  negative = 2,
  ambiguous = 3,
  filtered = 4,
  empty = 5,
};
[[nodiscard]] std::string_view to_string(DecisionKind decision) noexcept;  // "no_match", "matched", "default"
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

struct MatchView {
  std::string_view route;
  float score = 0.0F;
  double threshold = 0.0;
  bool passed = false;
};

struct ExplainReferenceView {
  std::string_view route;
  std::size_t row = 0;
  float score = 0.0F;
  std::string_view text;
  bool negative = false;
};

struct ExplainCandidateView {
  std::string_view route;
  float score = 0.0F;
  double threshold = 0.0;
  double margin = 0.0;       // lead over the next one in rank; 0 for the last
  std::string_view outcome;  // "served", "passed", "below_threshold", "vetoed", "ambiguous"
};

struct ExplainAttemptView {
  std::string_view target;
  std::string_view endpoint;  // its address; empty where the target's kind has none
  std::string_view outcome;   // "ok", a status, or an error code
  std::uint64_t took_us = 0;
};

struct ExplainView {
  std::vector<ExplainReferenceView> references;
  std::vector<ExplainCandidateView> candidates;
  double decode_us = 0.0;
  double search_us = 0.0;
  double decide_us = 0.0;
  double dispatch_us = 0.0;
  std::vector<ExplainAttemptView> attempts;
};

// One decided embedding.
struct DecisionView {
  DecisionKind decision = DecisionKind::no_match;
  Reason reason = Reason::empty;
  std::string_view route{};                 // empty: none
  std::optional<float> score{};             // of `route`; a default route without references has none
  const config::Value* metadata = nullptr;  // of `route`; null: {}
  std::string_view target{};                // empty: none
  bool approximate = false;                 // whether scores come from codes alone
  std::vector<MatchView> matches{};
  std::optional<ExplainView> explain{};
};

struct TargetReplyView {
  int status = 200;
  std::string_view content_type;
  std::string_view body;
};

// The answer to `match` and `route`. Exactly one of the shapes of contract section 5.
struct DecisionReply {
  std::string_view request_id{};
  std::uint64_t revision = 0;
  bool batch = false;                     // `results` rather than the one decision inline
  std::vector<DecisionView> decisions{};  // one, or one an embedding
  bool route_op = false;                  // answers `route`
  bool dispatched = false;
  std::optional<TargetReplyView> reply{};  // when dispatched
  bool more = false;                       // the head of a streamed reply: its body follows in chunks
};

// The last line or frame of a streamed reply.
struct StreamEnd {
  std::optional<core::Error> error{};  // why it is not complete
  bool explain = false;
  std::vector<ExplainAttemptView> attempts{};  // with explain: all of them
};

// `ok: false`. `retryable` and `sent` as in the contract.
struct ErrorReply {
  std::string_view request_id{};  // may be empty when the request could not be read
  core::ErrorCode code = core::ErrorCode::internal;
  std::string_view message{};
  bool retryable = false;
  std::optional<bool> sent = std::nullopt;  // only for errors of a dispatch
  const DecisionView* decision = nullptr;   // what had been decided, when something had
  std::uint64_t revision = 0;
  bool outcome_unknown = false;  // of a change: it may be found after a restart all the same
};

}  // namespace semroute::router
