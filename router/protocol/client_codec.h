// The client's side of binary frames: requests to bytes, replies back to values (docs/protocol.md).
//
// Used by the command-line tool, the benchmarks and the tests; the daemon has no use for it.
// Complexity: one pass. Threads: pure functions. Lifetime: a ClientReply owns what it holds.
// Errors: decode_reply answers bad_request for a frame that contradicts itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "router/protocol/reply.h"
#include "router/protocol/request.h"

namespace semroute::router {

struct ClientRequest {
  Op op = Op::match;
  std::uint32_t id = 1;
  std::span<const float> values{};  // count * dimension; match, route, and ops that change routes
  std::size_t count = 1;
  std::uint16_t top_k = 0;  // 0: the default, 1
  bool explain = false;
  std::uint32_t timeout_ms = 0;     // 0: none
  std::string_view content_type{};  // route only; empty: application/json
  std::string_view payload{};       // route only
  std::string_view extras{};        // a JSON object, or empty
};

// Appends one frame. Precondition: values.size() is a multiple of count.
void encode_client_frame(const ClientRequest& request, std::string& out);

struct ClientMatch {
  std::string route;
  float score = 0.0F;
  double threshold = 0.0;
  bool passed = false;
};

struct ClientResult {
  DecisionKind decision = DecisionKind::no_match;
  Reason reason = Reason::empty;
  std::optional<float> score;
  std::string route;   // empty: none
  std::string target;  // empty: none
  std::vector<ClientMatch> matches;
};

struct ClientReply {
  std::uint8_t op = 0;  // without the reply bit
  std::uint32_t id = 0;
  std::optional<core::Error> error;
  bool retryable = false;
  std::optional<bool> sent;  // errors of a dispatch
  std::uint64_t revision = 0;
  std::vector<ClientResult> results;  // match and route
  bool dispatched = false;            // route
  std::uint16_t status = 0;
  std::string content_type;
  std::string body;       // of a chunk: its bytes
  bool more = false;      // another frame of the same reply follows
  bool is_chunk = false;  // follows a head: a chunk, or without `more` the end
  std::string extras;     // the JSON object of match, route and errors; the whole body of other verbs
};

// `frame` is one whole reply frame (peek_frame of frame_codec.h says how long it is).
[[nodiscard]] core::Result<ClientReply> decode_reply(std::string_view frame);

}  // namespace semroute::router
