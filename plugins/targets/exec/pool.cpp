#include "plugins/targets/exec/pool.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace semroute::plugins {
namespace {

constexpr std::chrono::milliseconds kLookAgain{2};  // at what has been told to end, when no handler runs

}  // namespace

ExecPool::ExecPool(boost::asio::io_context& io, std::shared_ptr<ExecShared> shared)
    : io_(io), door_(std::make_shared<LoopDoor>(io)), shared_(std::move(shared)) {
  for (ExecState& state : shared_->states) processes_.push_back(std::make_unique<ExecProcess>(*this, state));
}

ExecPool::~ExecPool() {
  door_->close();
  for (const auto& process : processes_) process->terminate_now();
  // The pools of a daemon that ends go one after another, but were all told at once.
  const auto give_up = told_.value_or(Clock::now()) + kExecGrace;
  const auto all_ended = [this] {
    return std::ranges::all_of(processes_, [](const auto& process) { return process->has_ended(); });
  };
  while (!all_ended() && Clock::now() < give_up) std::this_thread::sleep_for(kLookAgain);
  // The processes' own destructors kill and reap what is left.
}

void ExecPool::start() {
  for (const auto& process : processes_) process->start();
}

void ExecPool::take(ExecJob job) {
  queue_.push_back(std::move(job));
  pump();
}

void ExecPool::put_back(ExecJob job) { queue_.push_front(std::move(job)); }

void ExecPool::forget(const std::shared_ptr<RemoteJob>& job) {
  std::erase_if(queue_, [&](const ExecJob& one) { return one.remote == job; });
  end_when_idle();
}

void ExecPool::pump() {
  while (!queue_.empty()) {
    const auto idle = std::ranges::find_if(processes_, [](const auto& process) { return process->is_idle(); });
    if (idle == processes_.end()) break;
    ExecJob job = std::move(queue_.front());
    queue_.pop_front();
    if (!job.remote->begin()) continue;  // whoever dropped it has counted it
    if (!std::exchange(job.has_begun, true)) --shared_->waiting;
    (*idle)->run(std::move(job));
  }
  if (std::ranges::none_of(processes_, [](const auto& process) { return process->is_hopeful(); })) refuse_all();
  end_when_idle();
}

void ExecPool::end_when_idle() {
  if (!stopping_ || told_ || !queue_.empty() || shared_->channels > 0) return;
  if (std::ranges::any_of(processes_, [](const auto& process) { return process->is_busy(); })) return;
  told_ = Clock::now();
  for (const auto& process : processes_) process->stop();
}

void ExecPool::refuse_all() {
  for (ExecJob& job : std::exchange(queue_, {})) {
    const bool finished =
        job.remote->finish(core::Error{core::ErrorCode::upstream_unavailable, "none of the target's processes runs"},
                           std::move(job.attempts));
    if (finished && !job.has_begun) --shared_->waiting;
  }
}

void ExecPool::stop() {
  stopping_ = true;
  pump();
}

}  // namespace semroute::plugins
