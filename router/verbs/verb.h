// Verbs: what a client can ask for, one entry each, as data.
//
// A verb gets a well-formed Request and replies through its session: at once, or later after
// Session::begin_async. Adding one: a file in router/verbs/, an Op (protocol/op.h), one line in verbs.cpp.
// Threads: handlers run on the session's worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "router/changes/change_thread.h"
#include "router/daemon/service_state.h"
#include "router/decide/decide.h"
#include "router/decide/nearest_routes.h"
#include "router/dispatch/channel_pool.h"
#include "router/dispatch/mirrors.h"
#include "router/dispatch/random.h"
#include "router/net/session.h"
#include "router/observe/decision_log.h"

namespace semroute::router {

// What verbs ask of the daemon as a whole.
class Control {
 public:
  virtual ~Control() = default;
  // Reads the configuration again. `done` runs on an unspecified thread, once every worker serves the new state
  // (with its revision) or the new configuration was refused.
  virtual void request_reload(std::function<void(core::Result<std::uint64_t>)> done) = 0;
  // Changes routes: all of `changes`, or none. `done` runs on an unspecified thread, once every worker serves them.
  virtual void change_routes(std::vector<RouteChange> changes, ChangeThread::ChangeDone done) = 0;
  [[nodiscard]] virtual Metrics& metrics() = 0;
  [[nodiscard]] virtual Clock::time_point started() const = 0;
};

// What verbs use of their worker.
struct VerbContext {
  std::size_t worker = 0;
  boost::asio::io_context& io;
  Control& control;
  WorkerCounters& counters;
  ChannelPool& channels;
  Mirrors& mirrors;
  Random random;
  DecisionLog* decision_log = nullptr;  // null: off
  // Scratch, reused by every request of the worker.
  DecideScratch scratch{};
  FetchedBatch fetched{};        // of the embeddings of a batch
  std::uint64_t fetched_ns = 0;  // what that took for each
  Decision decision{};
  std::vector<float> prepared{};
  DecisionReply reply{};
  std::string text{};
  std::uint64_t next_request_id = 0;

  // The client's request id, or a new one in `text`.
  [[nodiscard]] std::string_view request_id(const Request& request);
};

// One request on its way.
struct Exchange {
  VerbContext& context;
  Session& session;
  Request& request;
  const std::shared_ptr<const ServiceState>& state;
  Clock::time_point started;  // when decoding began
  Clock::time_point decoded;
};

struct Verb {
  Op op;
  std::string_view summary;
  void (*handle)(Exchange& exchange);
};

[[nodiscard]] std::span<const Verb> verbs() noexcept;
[[nodiscard]] const Verb* find_verb(Op op) noexcept;

// One function a verb, each in the file named after it.
void handle_match(Exchange& exchange);
void handle_route(Exchange& exchange);
void handle_ping(Exchange& exchange);
void handle_stats(Exchange& exchange);
void handle_reload(Exchange& exchange);
void handle_cancel(Exchange& exchange);
void handle_routes_list(Exchange& exchange);
void handle_routes_get(Exchange& exchange);
void handle_change(Exchange& exchange);  // routes.put, patch, delete and batch

// An error reply to the exchange's request.
void reply_error(Exchange& exchange, const core::Error& error, bool retryable = false);

}  // namespace semroute::router
