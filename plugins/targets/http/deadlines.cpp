#include "plugins/targets/http/deadlines.h"

#include <algorithm>

namespace semroute::plugins {

HttpTimed::~HttpTimed() { HttpDeadlines::clear(*this); }

HttpDeadlines::~HttpDeadlines() {
  *self_ = nullptr;
  while (first_ != nullptr) clear(*first_);
}

void HttpDeadlines::set(HttpTimed& timed, Clock::time_point due) {
  timed.due_ = due;
  if (timed.list_ == nullptr) {
    timed.list_ = this;
    timed.previous_ = nullptr;
    timed.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &timed;
    first_ = &timed;
  }
  if (due < wakes_) arm(due);
}

void HttpDeadlines::clear(HttpTimed& timed) noexcept {
  if (timed.list_ == nullptr) return;
  HttpTimed*& before = timed.previous_ != nullptr ? timed.previous_->next_ : timed.list_->first_;
  before = timed.next_;
  if (timed.next_ != nullptr) timed.next_->previous_ = timed.previous_;
  timed.list_ = nullptr;
}

void HttpDeadlines::arm(Clock::time_point due) {
  wakes_ = due;
  timer_.expires_at(due);
  timer_.async_wait([self = self_](const boost::system::error_code& error) {
    if (!error && *self != nullptr) (*self)->fire();
  });
}

HttpTimed* HttpDeadlines::first_due(Clock::time_point now) const noexcept {
  for (HttpTimed* timed = first_; timed != nullptr; timed = timed->next_) {
    if (timed->due_ <= now) return timed;
  }
  return nullptr;
}

void HttpDeadlines::fire() {
  const auto now = Clock::now();
  // A timer that was set anew after this handler had been queued is not over yet.
  if (timer_.expiry() > now) return;
  wakes_ = Clock::time_point::max();
  const auto self = self_;
  while (HttpTimed* timed = first_due(now)) {
    clear(*timed);
    timed->on_due();
    if (*self == nullptr) return;
  }
  Clock::time_point nearest = Clock::time_point::max();
  for (const HttpTimed* timed = first_; timed != nullptr; timed = timed->next_) {
    nearest = std::min(nearest, timed->due_);
  }
  if (nearest < wakes_) arm(nearest);
}

}  // namespace semroute::plugins
