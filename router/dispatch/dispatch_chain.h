// DispatchChain: one request on its way to the target that was chosen for it and, when that one does not take it, to
// the route's fallback targets, one after another.
//
// Another target is asked when one was unavailable, overloaded or out of time before anything was sent to it; after
// that only for a target that may be asked twice (Target::is_idempotent) and that broke off or let its own time run
// out. Never after the head of a reply was handed over, after cancel(), or once the request's own deadline is over. The
// request is the same for all; each counts in its own target's counters.
// Complexity: at most one dispatch a target. Threads: the worker's. Lifetime: held by the calls under way; the sink and
// `done` are let go when it is over. `done` runs exactly once, maybe before start() returns.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/target.h"
#include "router/dispatch/channel_pool.h"
#include "router/dispatch/route_targets.h"

namespace semroute::router {

// One try of one target.
struct DispatchAttempt {
  const DispatchTarget* target = nullptr;
  plugins::Attempt attempt{};
};

struct DispatchResult {
  core::Result<plugins::DispatchReply> reply;
  bool sent = false;  // whether any byte of the request may have reached any target
};

class DispatchChain final : public plugins::ReplySink, public std::enable_shared_from_this<DispatchChain> {
 public:
  using Done = std::function<void(DispatchResult)>;

  // `first` is a position of the split of `targets`.
  DispatchChain(boost::asio::io_context& io, ChannelPool& channels, std::shared_ptr<const RouteTargets> targets,
                std::size_t first);

  // Once. `sink` null: the reply is wanted whole.
  void start(std::shared_ptr<const plugins::DispatchRequest> request, std::shared_ptr<plugins::ReplySink> sink,
             Done done);
  void cancel();
  void resume();

  // The target that is being asked, or answered, or was asked last.
  [[nodiscard]] const DispatchTarget& target() const noexcept { return *order_[at_]; }
  // All tries that are over.
  [[nodiscard]] const std::vector<DispatchAttempt>& attempts() const noexcept { return attempts_; }

  void on_head(int status, std::string_view content_type) override;
  [[nodiscard]] bool on_bytes(std::string_view bytes) override;

 private:
  void ask();
  void on_outcome(plugins::DispatchOutcome outcome);
  void note_attempts(plugins::DispatchOutcome& outcome);
  [[nodiscard]] bool may_ask_next(const plugins::DispatchOutcome& outcome) const;
  void finish(plugins::DispatchOutcome outcome);

  boost::asio::io_context& io_;
  ChannelPool& pool_;
  std::shared_ptr<const RouteTargets> targets_;
  std::vector<const DispatchTarget*> order_;
  std::size_t at_ = 0;  // of order_
  std::shared_ptr<const plugins::DispatchRequest> request_;
  std::shared_ptr<plugins::ReplySink> sink_;
  Done done_;
  // A channel may be inside its own member function when a call of it is over: what it hangs on stays until the loop
  // has been gone back to.
  std::vector<std::shared_ptr<plugins::Channel>> channels_;
  std::vector<std::shared_ptr<plugins::Call>> calls_;
  std::shared_ptr<plugins::Call> call_;  // the one under way
  plugins::Clock::time_point began_;     // of that one
  std::vector<DispatchAttempt> attempts_;
  bool sent_ = false;
  bool has_head_ = false;
  bool cancelled_ = false;
};

}  // namespace semroute::router
