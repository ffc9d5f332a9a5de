#include "plugins/remote_call.h"

#include <string>

#include <boost/asio/steady_timer.hpp>

#include "plugins/refusals.h"

namespace semroute::plugins {

using core::ErrorCode;

class RemoteCall final : public Call, public std::enable_shared_from_this<RemoteCall> {
 public:
  RemoteCall(std::shared_ptr<RemoteCalls::Shared> shared, std::shared_ptr<RemoteJob> job, Completion done)
      : shared_(std::move(shared)), job_(std::move(job)), done_(std::move(done)), timer_(shared_->io) {}

  void cancel() override { drop(ErrorCode::cancelled, ErrorCode::cancelled, "the request was cancelled"); }

  void wait() {
    timer_.expires_at(job_->deadline);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self == nullptr || error) return;
      self->drop(ErrorCode::timeout, ErrorCode::upstream_timeout, "the target's reply was not complete in time");
    });
  }

  void complete(DispatchOutcome outcome) {
    if (done_ == nullptr) return;
    timer_.cancel();
    const auto self = shared_from_this();
    shared_->running.erase(self);
    std::exchange(done_, nullptr)(std::move(outcome));
  }

 private:
  void drop(ErrorCode before, ErrorCode after, std::string message) {
    if (done_ == nullptr) return;
    const RemoteJob::State was = job_->state_.exchange(RemoteJob::State::over);
    const bool sent = was != RemoteJob::State::waiting;
    if (was != RemoteJob::State::over && shared_->dropped) shared_->dropped(job_, sent);
    if (!sent && before == ErrorCode::timeout) message = deadline_passed().message;
    complete({core::Error{sent ? after : before, std::move(message)}, sent});
  }

  std::shared_ptr<RemoteCalls::Shared> shared_;
  std::shared_ptr<RemoteJob> job_;
  Completion done_;  // null when it has run
  boost::asio::steady_timer timer_;
};

bool RemoteJob::begin() noexcept {
  State was = State::waiting;
  return state_.compare_exchange_strong(was, State::running) || was == State::running;
}

bool RemoteJob::finish(core::Result<DispatchReply> reply, std::vector<Attempt> attempts) {
  const State was = state_.exchange(State::over);
  if (was == State::over) return false;
  door_->post([call = call_,
               outcome = DispatchOutcome{std::move(reply), was == State::running, std::move(attempts)}]() mutable {
    if (const auto waiting = call.lock()) waiting->complete(std::move(outcome));
  });
  return true;
}

RemoteCalls::RemoteCalls(boost::asio::io_context& io, Dropped dropped)
    : door_(std::make_shared<LoopDoor>(io)), shared_(std::make_shared<Shared>(Shared{io, std::move(dropped)})) {}

// What a completion throws, for want of memory, may end the process.
RemoteCalls::~RemoteCalls() {  // NOLINT(bugprone-exception-escape)
  door_->close();
  while (!shared_->running.empty()) {
    const auto call = *shared_->running.begin();
    call->cancel();
  }
}

std::pair<std::shared_ptr<Call>, std::shared_ptr<RemoteJob>> RemoteCalls::begin(
    std::shared_ptr<const DispatchRequest> request, Clock::time_point deadline, Completion done) {
  auto job = std::make_shared<RemoteJob>(std::move(request), deadline, door_);
  auto call = std::make_shared<RemoteCall>(shared_, job, std::move(done));
  job->call_ = call;
  shared_->running.insert(call);
  call->wait();
  return {call, std::move(job)};
}

}  // namespace semroute::plugins
