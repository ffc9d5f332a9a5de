// Target: what a decided request can be sent to. One file per kind in plugins/targets/.
//
// A Target is one entry of `targets:`, shared by all workers. Each worker opens one Channel of it
// on its own io_context; a Channel is used from that worker's thread only and keeps what the kind
// needs (connections, timers). dispatch() starts one Call; its completion runs exactly once on the
// worker's thread, also after cancel() (with `cancelled`), and may run before dispatch() returns.
// Nothing here blocks. A deadline is kept by the channel: before any byte was sent the error is
// `timeout`, after it `upstream_timeout`.
// Retries and several endpoints live inside a Channel: the caller sees one Call and one outcome.
// Streaming joins beside the Completion, not in place of it: dispatch() takes an observer that gets
// the head and then each chunk, and says when it wants more; the Completion still ends every call,
// with an empty body. A kind that cannot stream calls only the Completion, and is a whole reply.
// Lifetime: a Channel outlives its Calls, the Target outlives its Channels; destroying a Channel
// cancels its Calls. The request given to dispatch() is owned by the call.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "config/config.h"
#include "core/base/result.h"

namespace semroute::plugins {

using Clock = std::chrono::steady_clock;

struct DispatchRequest {
  std::string payload;       // body, byte for byte
  std::string content_type;  // "application/json" for JSON payloads
  // Facts of the decision; a kind renders them in its own way (HTTP: X-Semroute-* headers).
  std::string request_id;
  std::string route;
  std::string decision;  // "matched" | "default"
  float score = 0.0F;
  bool has_score = false;  // a default route may have none
  std::uint64_t revision = 0;
  std::string traceparent;                                   // of the client, or empty
  std::vector<std::pair<std::string, std::string>> headers;  // of the client, already on the allow list
  Clock::time_point deadline = Clock::time_point::max();     // the request's own
};

struct DispatchReply {
  int status = 200;
  std::string content_type;
  std::string body;
};

struct DispatchOutcome {
  core::Result<DispatchReply> reply;
  bool sent = false;  // whether any byte of the request may have reached the target
};

using Completion = std::function<void(DispatchOutcome)>;

class Call {
 public:
  virtual ~Call() = default;
  // Completes the call with `cancelled` unless it has completed. Idempotent.
  virtual void cancel() = 0;
};

class Channel {
 public:
  virtual ~Channel() = default;
  // Null when the call completed before returning.
  virtual std::shared_ptr<Call> dispatch(DispatchRequest request, Completion done) = 0;
};

class Target {
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
  // One per worker; called on the worker's thread.
  [[nodiscard]] virtual std::unique_ptr<Channel> open(boost::asio::io_context& io) = 0;
};

}  // namespace semroute::plugins
