// Target: what a decided request can be sent to. One file or folder per kind in plugins/targets/.
//
// A Target is one entry of `targets:`, shared by all workers. Each worker opens one Channel of it on its own
// io_context; a Channel is used from that worker's thread only and keeps what the kind needs there (connections,
// timers). dispatch() starts one Call; its completion runs exactly once on the worker's thread, also after cancel()
// (with `cancelled`), and may run before dispatch() returns. Nothing here blocks. A deadline is kept by the channel:
// before any byte was sent the error is `timeout`, after it `upstream_timeout`. Retries and several endpoints live
// inside a Channel: the caller sees one Call and one outcome, whose attempts say what was tried. What all workers share
// of a target (health, limits, subprocesses) is the Target's; start() gives it the control thread's loop for what it
// does by itself. Streaming: with a ReplySink, a kind that can hands over the head and then the bytes as they come; the
// Completion still ends every call, with an empty body. A kind that cannot stream ignores the sink, and its reply is a
// whole one. Once the head is handed over nothing is tried again. Errors: `upstream_unavailable` and `overloaded` say
// that the target takes nothing now: another may be asked. Lifetime: a Channel outlives its Calls, the Target outlives
// its Channels; destroying a Channel cancels its Calls. The request and the sink are shared with the call until it has
// completed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "config/config.h"
#include "core/base/result.h"
#include "plugins/target_stats.h"

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
  bool is_mirror = false;                                    // a copy, whose reply nobody reads
};

struct DispatchReply {
  int status = 200;
  std::string content_type;
  std::string body;  // empty when the bytes went to a ReplySink
};

// One try of a call, for `explain`.
struct Attempt {
  std::string endpoint;  // its address as configured; empty where a kind has none, or none could be chosen
  std::string outcome;   // "ok", a status code, or an error's name (core::to_string)
  std::uint64_t took_us = 0;
};

struct DispatchOutcome {
  core::Result<DispatchReply> reply;
  bool sent = false;                // whether any byte of the request may have reached the target
  std::vector<Attempt> attempts{};  // in order; empty: one, with the outcome that `reply` tells
};

using Completion = std::function<void(DispatchOutcome)>;

// Takes a reply as it arrives. Called on the worker's thread, between dispatch() and the completion.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // Once, first.
  virtual void on_head(int status, std::string_view content_type) = 0;
  // The next bytes, never empty. False: no more until Call::resume().
  [[nodiscard]] virtual bool on_bytes(std::string_view bytes) = 0;
};

class Call {
 public:
  virtual ~Call() = default;
  // Completes the call with `cancelled` unless it has completed. Idempotent.
  virtual void cancel() = 0;
  // The sink takes bytes again. May be called at any time.
  virtual void resume() {}
};

class Channel {
 public:
  virtual ~Channel() = default;
  // Null when the call completed before returning. `sink` null: the reply is wanted whole.
  virtual std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request,
                                         std::shared_ptr<ReplySink> sink, Completion done) = 0;
};

class Target {
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
  // Whether a request may reach it twice: allows another try after bytes were sent.
  [[nodiscard]] virtual bool is_idempotent() const noexcept { return false; }
  // One per worker; called on the worker's thread.
  [[nodiscard]] virtual std::unique_ptr<Channel> open(boost::asio::io_context& io) = 0;
  // Whether it would be made the same again: false when a file that it was made from says something else now. Asked
  // by a reload, on a thread that may block.
  [[nodiscard]] virtual bool is_current() const { return true; }
  // Takes over what is known of the target of the same name whose place it takes: counters and health of what both
  // have. At most once, on the control thread, before start(); calls of the other one may go on.
  virtual void inherit(Target& previous) { (void)previous; }
  // start(): at most once, when the target is part of what is served, on the control thread, whose loop `io` is; health
  // checks, look-ups of names and subprocesses begin. stop(): on the same thread, when it no longer is; calls may still
  // be under way. Neither waits.
  virtual void start(boost::asio::io_context& io) { (void)io; }
  virtual void stop() {}
  // From any thread.
  [[nodiscard]] virtual TargetStats stats() const { return {}; }
};

}  // namespace semroute::plugins
