// HttpExchange: one request to an http target and its one reply, from dispatch to completion.
//
//   waiting -> resolving -> connecting -> sending (and reading) -> done
//              (an idle connection goes straight to sending)
//
// Reading begins with sending, since a target may refuse a body before it has taken all of it.
// Invariants: the completion runs exactly once, last, and never inside start(); after it nothing
// of the pool is touched. `sent` is false only while no byte can have reached the target.
// Threads: the worker's only. Lifetime: kept by the pool while it runs, then by pending handlers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"
#include "plugins/targets/http_pool.h"
#include "plugins/targets/http_reply.h"

namespace semroute::plugins {

class HttpExchange final : public Call, public std::enable_shared_from_this<HttpExchange> {
 public:
  // `head` ends with the empty line; `deadline` is already the nearer one of request and target.
  HttpExchange(std::shared_ptr<HttpPool> pool, std::string head, std::shared_ptr<const DispatchRequest> request,
               Clock::time_point deadline, Completion done);

  void cancel() override;

  // For the pool.
  void wait();
  void start();
  [[nodiscard]] bool is_resolving() const noexcept { return phase_ == Phase::resolving; }
  void on_resolved(const boost::system::error_code& error,
                   const std::vector<boost::asio::ip::tcp::endpoint>& endpoints);

 private:
  enum class Phase : std::uint8_t { waiting, resolving, connecting, sending, done };
  using Socket = HttpPool::Socket;

  void expire_at(Clock::time_point when);
  void on_timer();
  void connect_fresh();
  void connect_next(const boost::system::error_code& last_error);
  void send();
  void on_written(const boost::system::error_code& error, std::size_t bytes);
  void read();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void fail(core::ErrorCode code, std::string message);
  void finish(core::Result<DispatchReply> reply, bool reusable);

  std::shared_ptr<HttpPool> pool_;  // null when done
  std::string head_;
  std::shared_ptr<const DispatchRequest> request_;
  Clock::time_point deadline_;
  Completion done_;
  boost::asio::steady_timer timer_;
  std::vector<boost::asio::ip::tcp::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  // Handlers of a connection that was given up hold another pointer, and are ignored by that.
  std::shared_ptr<Socket> socket_;
  std::unique_ptr<HttpReplyReader> reader_;
  Phase phase_ = Phase::waiting;
  bool reused_ = false;   // the connection carried another request before
  bool written_ = false;  // the whole request went out
  bool sent_ = false;
};

}  // namespace semroute::plugins
