// HttpDeadlines: many deadlines that are rarely reached, with one timer.
//
// A request sets a deadline for each of its steps and seldom meets one, so setting and clearing are cheap: O(1), and no
// timer is touched unless the new deadline is the nearest. When the timer fires, all are looked at.
// Threads: one, that of `io`. Lifetime: a Timed clears itself when it goes; on_due() may set, clear and destroy any.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"

namespace semroute::plugins {

class HttpDeadlines;

class HttpTimed {
 public:
  HttpTimed() = default;
  HttpTimed(const HttpTimed&) = delete;
  HttpTimed& operator=(const HttpTimed&) = delete;
  virtual void on_due() = 0;

 protected:
  ~HttpTimed();

 private:
  friend class HttpDeadlines;
  HttpTimed* next_ = nullptr;
  HttpTimed* previous_ = nullptr;
  HttpDeadlines* list_ = nullptr;  // null: not set
  Clock::time_point due_{};
};

class HttpDeadlines {
 public:
  explicit HttpDeadlines(boost::asio::io_context& io) : timer_(io) {}
  HttpDeadlines(const HttpDeadlines&) = delete;
  HttpDeadlines& operator=(const HttpDeadlines&) = delete;
  ~HttpDeadlines();

  // on_due() is called once at `due` or soon after it, unless it is cleared or set anew before.
  void set(HttpTimed& timed, Clock::time_point due);
  static void clear(HttpTimed& timed) noexcept;

 private:
  void arm(Clock::time_point due);
  void fire();
  [[nodiscard]] HttpTimed* first_due(Clock::time_point now) const noexcept;

  boost::asio::steady_timer timer_;
  HttpTimed* first_ = nullptr;
  Clock::time_point wakes_ = Clock::time_point::max();
  // Handlers that are queued outlive this object, and see it here.
  std::shared_ptr<HttpDeadlines*> self_ = std::make_shared<HttpDeadlines*>(this);
};

}  // namespace semroute::plugins
