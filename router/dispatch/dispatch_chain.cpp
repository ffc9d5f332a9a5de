#include "router/dispatch/dispatch_chain.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "core/base/check.h"

namespace semroute::router {

using core::ErrorCode;
using plugins::Clock;

DispatchChain::DispatchChain(boost::asio::io_context& io, ChannelPool& channels,
                             std::shared_ptr<const RouteTargets> targets, std::size_t first)
    : io_(io), pool_(channels), targets_(std::move(targets)) {
  const DispatchTarget& chosen = targets_->split(first);
  order_.push_back(&chosen);
  for (const DispatchTarget& fallback : targets_->fallbacks())
    if (fallback.target != chosen.target) order_.push_back(&fallback);
}

void DispatchChain::start(std::shared_ptr<const plugins::DispatchRequest> request,
                          std::shared_ptr<plugins::ReplySink> sink, Done done) {
  SEMROUTE_CHECK(request_ == nullptr);
  request_ = std::move(request);
  sink_ = std::move(sink);
  done_ = std::move(done);
  ask();
}

void DispatchChain::ask() {
  const DispatchTarget& to = target();
  to.counters->in_flight.fetch_add(1, std::memory_order_relaxed);
  began_ = Clock::now();
  const auto channel = pool_.channel(to.target);
  channels_.push_back(channel);
  const auto self = shared_from_this();
  auto call = channel->dispatch(request_, sink_ == nullptr ? nullptr : self,
                                [self](plugins::DispatchOutcome outcome) { self->on_outcome(std::move(outcome)); });
  // It may be over by now, and another one under way.
  if (&target() == &to && done_ != nullptr) call_ = std::move(call);
}

void DispatchChain::cancel() {
  cancelled_ = true;
  const auto call = call_;
  if (call != nullptr) call->cancel();
}

void DispatchChain::resume() {
  const auto call = call_;
  if (call != nullptr) call->resume();
}

void DispatchChain::on_head(int status, std::string_view content_type) {
  has_head_ = true;
  sink_->on_head(status, content_type);
}

bool DispatchChain::on_bytes(std::string_view bytes) { return sink_->on_bytes(bytes); }

void DispatchChain::on_outcome(plugins::DispatchOutcome outcome) {
  TargetCounters& counters = *target().counters;
  counters.in_flight.fetch_sub(1, std::memory_order_relaxed);
  // Before anything is answered, so that who has read the answer finds it counted.
  if (outcome.reply.ok()) {
    counters.count_ok();
  } else {
    counters.count_error(outcome.reply.error().code);
  }
  note_attempts(outcome);
  sent_ = sent_ || outcome.sent;
  if (call_ != nullptr) calls_.push_back(std::move(call_));
  call_.reset();
  if (!may_ask_next(outcome)) return finish(std::move(outcome));
  ++at_;
  ask();
}

void DispatchChain::note_attempts(plugins::DispatchOutcome& outcome) {
  for (plugins::Attempt& attempt : outcome.attempts) attempts_.push_back({&target(), std::move(attempt)});
  if (!outcome.attempts.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_).count();
  const std::string_view told = outcome.reply.ok() ? "ok" : core::to_string(outcome.reply.error().code);
  attempts_.push_back({&target(), {"", std::string(told), static_cast<std::uint64_t>(took)}});
}

bool DispatchChain::may_ask_next(const plugins::DispatchOutcome& outcome) const {
  if (outcome.reply.ok() || has_head_ || cancelled_ || at_ + 1 == order_.size()) return false;
  if (Clock::now() >= request_->deadline) return false;
  switch (outcome.reply.error().code) {
    case ErrorCode::upstream_unavailable:
    case ErrorCode::overloaded:
    case ErrorCode::timeout:  // the target's own: it did not come to sending
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_error: return !outcome.sent || target().target->is_idempotent();
    default: return false;
  }
}

void DispatchChain::finish(plugins::DispatchOutcome outcome) {
  // Also for a call that holds its sink, this, for longer than it should.
  boost::asio::post(io_, [self = shared_from_this()] {
    self->calls_.clear();
    self->channels_.clear();
  });
  sink_.reset();
  const Done done = std::exchange(done_, nullptr);
  done({std::move(outcome.reply), sent_});
}

}  // namespace semroute::router
