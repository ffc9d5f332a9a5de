#include "plugins/targets/http/call.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "plugins/refusals.h"

namespace semroute::plugins {
namespace {

using core::ErrorCode;
using Cause = HttpTryEnd::Cause;

std::uint64_t microseconds(Clock::duration time) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

Failure failure_of(Cause cause) noexcept {
  switch (cause) {
    case Cause::reply: return Failure::status_5xx;
    case Cause::connect_failure:
    case Cause::reset_before_request: return Failure::connect;
    case Cause::reset: return Failure::reset;
    case Cause::bad_reply:
    case Cause::too_long: return Failure::bad_reply;
    case Cause::try_timeout:
    case Cause::timeout:
    case Cause::own_deadline: return Failure::timeout;
    case Cause::denied: return Failure::other;
    case Cause::cancelled: return Failure::cancelled;
  }
  return Failure::other;
}

// What a gateway answers when what stands behind it does not.
bool is_gateway_failure(int status) noexcept { return status >= 502 && status <= 504; }

core::Error none_usable() {
  return {ErrorCode::upstream_unavailable, "every endpoint of the target is unhealthy or ejected"};
}

}  // namespace

HttpCall::HttpCall(std::shared_ptr<HttpPool> pool, std::shared_ptr<const DispatchRequest> request, std::string headers,
                   std::shared_ptr<ReplySink> sink, Completion done)
    : pool_(std::move(pool)),
      upstream_(pool_->shared_upstream()),
      request_(std::move(request)),
      headers_(std::move(headers)),
      sink_(std::move(sink)),
      done_(std::move(done)),
      began_(Clock::now()),
      deadline_(std::min(request_->deadline, began_ + upstream_->settings().timeout)),
      exchange_(*this) {}

void HttpCall::link(std::shared_ptr<HttpCall> self, HttpCall*& first) noexcept {
  self_ = std::move(self);
  next_ = first;
  if (first != nullptr) first->previous_ = this;
  first = this;
}

void HttpCall::unlink(HttpCall*& first) noexcept {
  if (self_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  const auto self = std::exchange(self_, nullptr);
}

void HttpCall::begin() {
  upstream_->retry_budget().on_request(began_);
  next_try();
}

void HttpCall::next_try() {
  state_ = State::trying;
  HttpPool::Place place;
  switch (pool_->find_place(tried_, place)) {
    case HttpPool::Search::found: return run(std::move(place));
    case HttpPool::Search::none: return give_up(none_usable());
    case HttpPool::Search::wait: break;
  }
  const ConnectionLimit::Wait wait = pool_->wait(*this);
  if (wait == ConnectionLimit::Wait::refused) return give_up(too_many_wait());
  state_ = State::waiting;
  const bool is_handover = wait == ConnectionLimit::Wait::handover;
  pool_->deadlines().set(*this, is_handover ? std::min(deadline_, Clock::now() + kHandoverPatience) : deadline_);
}

bool HttpCall::on_turn() {
  const auto keep = shared_from_this();
  HttpPool::Place place;
  const HttpPool::Search search = pool_->find_place(tried_, place);
  if (search == HttpPool::Search::wait) return false;
  pool_->stop_waiting(*this);
  HttpDeadlines::clear(*this);
  state_ = State::trying;
  if (search == HttpPool::Search::found) {
    run(std::move(place));
  } else {
    give_up(none_usable());
  }
  return true;
}

void HttpCall::run(HttpPool::Place place) {
  endpoint_ = place.endpoint;
  is_probe_ = place.is_probe;
  tried_ |= std::uint64_t{1} << endpoint_;
  HttpEndpoint& endpoint = upstream_->endpoint(endpoint_);
  endpoint.counters->begin(++tries_ > 1);
  try_began_ = Clock::now();
  headed_ = {};
  exchange_.start(pool_, std::move(place),
                  {.start = endpoint.start,
                   .headers = headers_,
                   .payload = request_->payload,
                   .keep = shared_from_this(),
                   .sink = sink_.get(),
                   .deadline = deadline_,
                   .deadline_is_own = request_->deadline == deadline_});
}

bool HttpCall::is_wanted(int status) {
  headed_ = Clock::now();
  is_granted_ = is_retryable(status) && may_retry(headed_);
  return !is_granted_;
}

void HttpCall::on_try_end(HttpTryEnd end) {
  const auto now = Clock::now();
  sent_ = sent_ || end.sent;
  count(end, now);
  if (state_ == State::done) return;  // cancelled by what its connection's coming free led to
  const bool is_retried = std::exchange(is_granted_, false) || (is_retryable(end) && may_retry(now));
  note(end, is_retried, now);
  if (is_retried) {
    last_ = std::move(end);
    if (wait_ == Clock::duration::zero()) return next_try();
    state_ = State::backing_off;
    return pool_->deadlines().set(*this, now + wait_);
  }
  if (end.cause == Cause::reply) return finish(std::move(end.reply));
  finish(core::Error{end.code, std::move(end.message)});
}

void HttpCall::count(const HttpTryEnd& end, Clock::time_point now) {
  HttpEndpoint& endpoint = upstream_->endpoint(endpoint_);
  if (end.cause == Cause::reply && end.reply.status < 500) {
    const auto until = headed_ == Clock::time_point{} ? now : headed_;
    endpoint.counters->end_ok(microseconds(until - try_began_));
  } else {
    endpoint.counters->end_failed(failure_of(end.cause));
  }
  switch (end.cause) {
    case Cause::reply:
      if (!is_gateway_failure(end.reply.status)) return upstream_->on_success(endpoint_, is_probe_, now);
      [[fallthrough]];
    case Cause::connect_failure:
    case Cause::reset_before_request:
    case Cause::reset:
    case Cause::bad_reply:
    case Cause::try_timeout:
    case Cause::timeout: return upstream_->on_failure(endpoint_, is_probe_, now);
    case Cause::too_long:
    case Cause::own_deadline:
    case Cause::denied:
    case Cause::cancelled: return upstream_->on_nothing_told(endpoint_, is_probe_);
  }
}

void HttpCall::note(const HttpTryEnd& end, bool is_retried, Clock::time_point now) {
  const std::string& address = upstream_->endpoint(endpoint_).address;
  std::string outcome(core::to_string(end.code));
  if (end.cause == Cause::reply) {
    outcome = is_retried || end.reply.status >= 500 ? std::to_string(end.reply.status) : "ok";
  }
  attempts_.push_back({address, std::move(outcome), microseconds(now - try_began_)});
}

bool HttpCall::is_retryable(int status) const noexcept {
  const HttpSettings& settings = upstream_->settings();
  return settings.idempotent &&
         std::ranges::find(settings.retry_on.statuses, status) != settings.retry_on.statuses.end();
}

bool HttpCall::is_retryable(const HttpTryEnd& end) const noexcept {
  const HttpSettings& settings = upstream_->settings();
  const HttpRetryOn& on = settings.retry_on;
  if (end.is_told || (end.sent && !settings.idempotent)) return false;
  switch (end.cause) {
    case Cause::reply: return is_retryable(end.reply.status);
    case Cause::connect_failure: return on.connect_failure;
    case Cause::reset_before_request: return on.reset_before_request;
    case Cause::reset: return on.reset;
    case Cause::try_timeout: return on.per_try_timeout;
    default: return false;
  }
}

bool HttpCall::may_retry(Clock::time_point now) {
  if (tries_ > upstream_->settings().retries) return false;
  wait_ = back_off(now);
  return now + wait_ < deadline_ && upstream_->retry_budget().take(now);
}

Clock::duration HttpCall::back_off(Clock::time_point now) {
  for (std::size_t i = 0; tries_ == 1 && i < upstream_->size(); ++i) {
    if (((tried_ >> i) & 1U) == 0 && upstream_->is_usable(i, now)) return {};
  }
  const auto longest =
      std::min<Clock::duration>(core::kHttpFirstBackoff * (std::int64_t{1} << (tries_ - 1)), core::kHttpLongestBackoff);
  const auto half = static_cast<std::uint64_t>(longest.count() / 2);
  return Clock::duration(static_cast<Clock::rep>(half + pool_->random() % (half + 1)));
}

void HttpCall::on_due() {
  const auto keep = shared_from_this();
  if (state_ == State::backing_off) return next_try();
  if (state_ != State::waiting) return;
  const bool is_over = deadline_ <= Clock::now();
  if (!is_over && upstream_->connections()->may_stay_pending()) return pool_->deadlines().set(*this, deadline_);
  pool_->stop_waiting(*this);
  state_ = State::trying;
  if (!is_over) return give_up(too_many_wait());
  give_up({ErrorCode::timeout, "the deadline passed while waiting for a connection"});
}

void HttpCall::cancel() {
  if (state_ == State::done) return;
  const auto keep = shared_from_this();
  if (exchange_.is_running()) return exchange_.cancel();
  if (state_ == State::waiting) pool_->stop_waiting(*this);
  HttpDeadlines::clear(*this);
  finish(core::Error{ErrorCode::cancelled, "the request was cancelled"});
}

// No place for another try: what the try before ended with is the answer, if there was one.
void HttpCall::give_up(core::Error error) {
  if (!last_) {
    attempts_.push_back({{}, std::string(core::to_string(error.code)), microseconds(Clock::now() - began_)});
    return finish(std::move(error));
  }
  if (last_->cause == Cause::reply) return finish(std::move(last_->reply));
  finish(core::Error{last_->code, std::move(last_->message)});
}

void HttpCall::finish(core::Result<DispatchReply> reply) {
  const auto keep = shared_from_this();
  state_ = State::done;
  const auto pool = std::exchange(pool_, nullptr);
  upstream_->give_request();
  const auto done = std::exchange(done_, nullptr);
  const auto sink = std::exchange(sink_, nullptr);
  pool->leave(*this);
  done({std::move(reply), sent_, std::move(attempts_)});
}

}  // namespace semroute::plugins
