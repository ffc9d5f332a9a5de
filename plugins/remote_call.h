// RemoteJob, RemoteCalls: calls of one worker's channel that another thread serves.
//
// The channel's side (RemoteCalls) keeps the deadline and runs the completion, on the worker's thread; the other side
// holds a RemoteJob: begin() before the request goes anywhere, then finish() once there is an outcome. Who is first
// decides, the deadline, a cancellation or finish(); the others come to nothing. So a server that is late, answers
// twice or never costs its request and nothing else. Threads: a RemoteJob's functions from any; RemoteCalls from the
// worker's alone. Nothing blocks but for a short lock. Lifetime: a RemoteJob may outlive the channel, the worker and
// its loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "plugins/target.h"

namespace semroute::plugins {

// The way to another thread's loop, until that thread closes it. A loop may be gone when it is closed.
class LoopDoor {
 public:
  explicit LoopDoor(boost::asio::io_context& io) : io_(&io) {}

  // False when it is closed: the handler will not run.
  template <class Handler>
  bool post(Handler&& handler) {
    const std::lock_guard lock(mutex_);
    if (io_ == nullptr) return false;
    boost::asio::post(*io_, std::forward<Handler>(handler));
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;  // null: closed
};

class RemoteCall;

class RemoteJob : public std::enable_shared_from_this<RemoteJob> {
 public:
  RemoteJob(std::shared_ptr<const DispatchRequest> asked, Clock::time_point until, std::shared_ptr<LoopDoor> door)
      : request(std::move(asked)), deadline(until), door_(std::move(door)) {}

  const std::shared_ptr<const DispatchRequest> request;
  const Clock::time_point deadline;

  // The request is going to be sent. False when nobody waits for it any more. Again after that: whether it still is.
  [[nodiscard]] bool begin() noexcept;
  // Whether somebody waits for the outcome.
  [[nodiscard]] bool is_wanted() const noexcept { return state_.load() != State::over; }
  // False when it was too late, or not the first.
  bool finish(core::Result<DispatchReply> reply, std::vector<Attempt> attempts = {});

 private:
  friend class RemoteCall;
  friend class RemoteCalls;
  enum class State : std::uint8_t { waiting, running, over };

  std::atomic<State> state_{State::waiting};
  std::shared_ptr<LoopDoor> door_;
  std::weak_ptr<RemoteCall> call_;
};

class RemoteCalls {
 public:
  // `dropped` is told, on the worker's thread, of jobs that nobody waits for any more and that have not finished;
  // `had_begun`: whether begin() had been called.
  using Dropped = std::function<void(const std::shared_ptr<RemoteJob>& job, bool had_begun)>;

  RemoteCalls(boost::asio::io_context& io, Dropped dropped);
  RemoteCalls(const RemoteCalls&) = delete;
  RemoteCalls& operator=(const RemoteCalls&) = delete;
  // Cancels those that run.
  ~RemoteCalls();  // NOLINT(bugprone-exception-escape)

  // Hand the job on after this; it may then finish at any time. `deadline`: the nearer one of request and target.
  [[nodiscard]] std::pair<std::shared_ptr<Call>, std::shared_ptr<RemoteJob>> begin(
      std::shared_ptr<const DispatchRequest> request, Clock::time_point deadline, Completion done);

  struct Shared {  // by the calls, which may outlive their channel
    boost::asio::io_context& io;
    Dropped dropped;
    std::unordered_set<std::shared_ptr<RemoteCall>> running{};
  };

 private:
  std::shared_ptr<LoopDoor> door_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace semroute::plugins
