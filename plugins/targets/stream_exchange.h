// StreamExchange: one request to a tcp or unix target and its one reply, from dispatch to completion.
//
//   waiting -> resolving -> connecting -> exchanging -> done
//              (an idle connection goes straight to exchanging)
//
// Reading begins with writing: a target may answer while it still reads. A kept connection that turns out to be closed
// before anything was sent gets one fresh try; one that breaks off afterwards only where the target is idempotent.
// Invariants: the completion runs exactly once, last, and never inside start(); after it nothing of the pool is
// touched. `sent` is false only while no byte can have reached the target.
// Threads: the worker's only. Lifetime: kept by the pool while it runs, then by pending handlers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "plugins/target.h"
#include "plugins/target_stats.h"
#include "plugins/targets/stream_frame.h"
#include "plugins/targets/stream_pool.h"

namespace semroute::plugins {

class StreamExchange final : public Call, public std::enable_shared_from_this<StreamExchange> {
 public:
  // `deadline` is already the nearer one of request and target.
  StreamExchange(std::shared_ptr<StreamPool> pool, Frame frame, std::shared_ptr<const DispatchRequest> request,
                 Clock::time_point deadline, Completion done);

  void cancel() override;

  // For the pool.
  void wait(bool is_handover);
  void start(StreamPool::Place place);

 private:
  enum class Phase : std::uint8_t { waiting, resolving, connecting, exchanging, done };
  using Socket = StreamPool::Socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  void expire_at(Clock::time_point when);
  void on_timer();
  void begin_try();
  void end_try(std::string_view outcome, Failure failure);
  void try_again(std::string_view outcome, Failure failure);
  void connect_fresh();
  void on_resolved();
  void connect_next(const boost::system::error_code& last_error);
  void connect(const Endpoint& endpoint);
  void on_connected(const boost::system::error_code& error);
  void exchange();
  void on_written(const boost::system::error_code& error, std::size_t bytes);
  void read();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void on_broken(const std::string& how);
  void fail(core::ErrorCode code, std::string message, Failure failure);
  void finish(core::Result<DispatchReply> reply, Failure failure, bool reusable);

  std::shared_ptr<StreamPool> pool_;  // null when done
  Frame frame_;
  std::shared_ptr<const DispatchRequest> request_;
  Clock::time_point deadline_;
  Completion done_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer connect_again_;
  std::shared_ptr<bool> resolving_;  // while a look-up is waited for; its end may be queued when that is over
  std::vector<Endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  ConnectionPermit permit_;  // while it is not waiting for one
  // Handlers of a connection that was given up hold another pointer, and are ignored by that.
  std::shared_ptr<Socket> socket_;
  std::unique_ptr<FrameReader> reader_;
  std::vector<Attempt> attempts_;
  Clock::time_point try_began_;
  Phase phase_ = Phase::waiting;
  bool trying_ = false;   // one that is counted
  bool reused_ = false;   // the connection carried another request before
  bool retried_ = false;  // after bytes were sent
  bool written_ = false;  // the whole request went out
  bool sent_ = false;
};

}  // namespace semroute::plugins
