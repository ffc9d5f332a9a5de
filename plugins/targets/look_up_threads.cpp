#include "plugins/targets/look_up_threads.h"

#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace semroute::plugins {

struct LookUpThreads::State {
  explicit State(std::size_t bound) : most(bound) {}

  void serve() {
    std::unique_lock lock(mutex);
    while (!jobs.empty()) {
      const auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
    --threads;
  }

  const std::size_t most;
  std::mutex mutex;
  std::deque<std::function<void()>> jobs;
  std::size_t threads = 0;
};

LookUpThreads::LookUpThreads(std::size_t most) : state_(std::make_shared<State>(most)) {}

// Never destroyed: a look-up may go on while the process ends.
LookUpThreads& LookUpThreads::shared() {
  static auto* const kShared = new LookUpThreads(kMaxLookUpThreads);
  return *kShared;
}

bool LookUpThreads::run(std::function<void()> job) {
  const std::lock_guard lock(state_->mutex);
  state_->jobs.push_back(std::move(job));
  if (state_->threads == state_->most) return true;
  try {
    std::thread([state = state_] { state->serve(); }).detach();
    ++state_->threads;
  } catch (const std::system_error&) {
    // One that runs will come to it.
    if (state_->threads > 0) return true;
    state_->jobs.pop_back();
    return false;
  }
  return true;
}

}  // namespace semroute::plugins
