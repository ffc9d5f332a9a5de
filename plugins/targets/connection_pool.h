// ConnectionPool: what one worker's connections to a target have in common, whatever they carry: their share of the
// target's limit, and the line of requests that wait for one.
//
// Requests wait in their pool, pools in the ConnectionLimit. serve_waiting() asks the derived pool for one request
// after another until there is no connection left for them. Threads: the worker's only, but for idle_count(). Lifetime:
// shared; close_line() before it ends.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "plugins/targets/connection_limit.h"

namespace semroute::plugins {

// How long a request waits for a connection that another worker holds idle, when no more requests may wait. Handing one
// over takes two turns of a loop; the other worker may have taken it into use meanwhile.
inline constexpr std::chrono::milliseconds kHandoverPatience{500};

class ConnectionPool {
 public:
  ConnectionPool(boost::asio::io_context& io, std::shared_ptr<ConnectionLimit> limit)
      : io_(io), limit_(std::move(limit)) {}
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  [[nodiscard]] boost::asio::io_context& io() const noexcept { return io_; }
  // From any thread.
  [[nodiscard]] std::size_t idle_count() const noexcept { return idle_count_.load(std::memory_order_relaxed); }

  // The limit's, posted.
  void on_given(ConnectionPermit permit);
  void give_up_idle();

 protected:
  virtual ~ConnectionPool() = default;

  [[nodiscard]] virtual bool has_waiting() const noexcept = 0;
  // Takes the first that waits out of the line and starts it; false: it waits on.
  [[nodiscard]] virtual bool serve_next() = 0;
  // False: there is none.
  virtual bool close_an_idle_one() = 0;

  // For a connection that is to be opened: one that was given, or one that is free. Counted as open until on_closed().
  [[nodiscard]] ConnectionPermit take_permit();
  void on_closed() noexcept { --open_; }
  // Whether one that comes free has to be closed, for others to have theirs.
  [[nodiscard]] bool is_owed() const noexcept;
  void set_idle_count(std::size_t count) noexcept { idle_count_.store(count, std::memory_order_relaxed); }

  // Before a request is put into the line; then, unless it is `refused`, want_connection().
  [[nodiscard]] ConnectionLimit::Wait begin_wait() { return limit_->take_pending(); }
  void want_connection();
  void end_wait() noexcept { limit_->give_pending(); }
  void serve_waiting();
  [[nodiscard]] bool is_serving() const noexcept { return serving_; }

  // No more connections: idle ones are the derived pool's to close.
  void close_line();
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

 private:
  boost::asio::io_context& io_;
  const std::shared_ptr<ConnectionLimit> limit_;
  ConnectionPermit given_;  // for who waits, within serve_waiting()
  std::size_t open_ = 0;    // connections of this pool, idle ones included
  std::atomic<std::size_t> idle_count_{0};
  bool wants_ = false;    // the limit has it among those who want a connection
  bool serving_ = false;  // within serve_waiting()
  bool closed_ = false;
};

}  // namespace semroute::plugins
