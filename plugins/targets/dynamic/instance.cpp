#include "plugins/targets/dynamic/instance.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/utf8.h"
#include "plugins/log.h"
#include "plugins/targets/dynamic/host.h"

namespace semroute::plugins {
namespace {

using core::Error;
using core::ErrorCode;

constexpr const char* kStuck = "the target's plugin is stuck: none of its threads has come back from it";

semroute_bytes view_of(std::string_view text) noexcept { return {text.data(), text.size()}; }

std::uint64_t next_instance_number() {
  static std::atomic<std::uint64_t> next{1};
  return next++;
}

std::uint64_t milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(when - Clock::now()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0));
}

void call_dispatch(const semroute_plugin& table, void* instance, const RemoteJob& job, semroute_call call) {
  const DispatchRequest& asked = *job.request;
  std::vector<semroute_header> headers;
  for (const auto& [name, value] : asked.headers) headers.push_back({view_of(name), view_of(value)});
  semroute_request request{};
  request.struct_bytes = sizeof(request);
  request.has_score = asked.has_score ? 1 : 0;
  request.score = asked.score;
  request.revision = asked.revision;
  request.timeout_ms = milliseconds_until(job.deadline);
  request.payload = view_of(asked.payload);
  request.content_type = view_of(asked.content_type);
  request.request_id = view_of(asked.request_id);
  request.route = view_of(asked.route);
  request.decision = view_of(asked.decision);
  request.traceparent = view_of(asked.traceparent);
  request.headers = headers.data();
  request.header_count = headers.size();
  request.is_mirror = asked.is_mirror ? 1 : 0;
  table.dispatch(instance, &request, call);
}

}  // namespace

PluginInstance::PluginInstance(std::string target, PluginSettings settings)
    : target_(std::move(target)), settings_(std::move(settings)), number_(next_instance_number()) {}

PluginInstance::~PluginInstance() { forget_plugin_host(number_); }

void PluginInstance::start(std::function<void()> left) {
  host_ = make_plugin_host(number_, weak_from_this());
  const std::lock_guard lock(mutex_);
  on_left_ = std::move(left);
  for (std::size_t i = 0; i < settings_.threads; ++i) add_thread();
}

void PluginInstance::add_thread() {
  try {
    std::thread([self = shared_from_this()] { self->serve(); }).detach();
    ++threads_;
  } catch (const std::system_error& error) {
    log_line(SEMROUTE_LOG_ERROR, std::string("no thread could be started for the plugin: ") + error.what());
  }
}

void PluginInstance::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

bool PluginInstance::take(std::shared_ptr<RemoteJob> job) {
  const std::lock_guard lock(mutex_);
  if (!problem_.empty() || threads_ == 0) {
    (void)job->finish(
        Error{ErrorCode::upstream_unavailable, problem_.empty() ? "the target's plugin does not run" : problem_});
    return true;
  }
  if (is_stuck()) {
    (void)job->finish(Error{ErrorCode::upstream_unavailable, kStuck});
    return true;
  }
  if (waiting_.size() >= settings_.pending + idle_) return false;
  waiting_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

void PluginInstance::drop(const std::shared_ptr<RemoteJob>& job, bool had_begun) {
  const std::lock_guard lock(mutex_);
  if (!had_begun) {
    std::erase(waiting_, job);
    return;
  }
  const auto found = calls_of_.find(job.get());
  if (found == calls_of_.end()) return;
  const semroute_call call = found->second;
  calls_of_.erase(found);
  running_.erase(call);
  counters_.end_failed(Clock::now() >= job->deadline ? Failure::timeout : Failure::cancelled);
  if (settings_.table->cancel != nullptr && cancelled_.size() < settings_.pending + kPluginMaxLate) {
    cancelled_.push_back(call);
  }
  if (inside_.contains(call)) {
    hung_.insert(call);
    if (hung_.size() <= kPluginMaxLate) add_thread();
    if (is_stuck()) {
      log_line(SEMROUTE_LOG_ERROR, kStuck);
      refuse_all(kStuck);
    }
  }
  changed_.notify_all();
}

void PluginInstance::serve() {
  Lock lock(mutex_);
  if (!std::exchange(making_, true)) {
    make_instance(lock);
  } else {
    changed_.wait(lock, [this] { return instance_ != nullptr || !problem_.empty(); });
  }
  while (instance_ != nullptr && threads_ - late() <= settings_.threads) {
    if (!cancelled_.empty()) {
      cancel_next(lock);
    } else if (!waiting_.empty()) {
      dispatch_next(lock);
    } else if (is_over()) {
      break;
    } else {
      ++idle_;
      changed_.wait(lock, [this] { return has_work() || is_over(); });
      --idle_;
    }
  }
  if (threads_ > 1) {
    --threads_;
    // What this one was woken for is another's now.
    changed_.notify_all();
    return;
  }
  // The last one. It is counted until the instance is gone, for wait_until_left().
  if (void* instance = std::exchange(instance_, nullptr); instance != nullptr) {
    problem_ = "the target's plugin has ended";
    refuse_all(problem_);
    lock.unlock();
    try {
      settings_.table->destroy(instance);
    } catch (...) {
      log_line(SEMROUTE_LOG_ERROR, "destroy() threw an exception");
    }
    lock.lock();
  }
  --threads_;
  left_.notify_all();
  const auto on_left = std::exchange(on_left_, nullptr);
  lock.unlock();
  if (on_left) on_left();
}

void PluginInstance::make_instance(Lock& lock) {
  lock.unlock();
  std::array<char, kPluginProblemBytes> said{};
  void* made = nullptr;
  try {
    made = settings_.table->create(host_, view_of(settings_.config), said.data(), said.size());
  } catch (...) {
    constexpr std::string_view kThrown = "create() threw an exception";
    std::ranges::copy(kThrown, said.begin());
  }
  said.back() = '\0';
  lock.lock();
  instance_ = made;
  if (made == nullptr) {
    problem_ = "the target's plugin could not start: " + std::string(said.data());
    log_line(SEMROUTE_LOG_ERROR, problem_);
    refuse_all(problem_);
  } else {
    log_line(SEMROUTE_LOG_INFO, "plugin " + std::string(settings_.table->name) + " of " + settings_.file + " runs");
  }
  changed_.notify_all();
}

void PluginInstance::refuse_all(const std::string& why) {
  for (const auto& job : std::exchange(waiting_, {})) (void)job->finish(Error{ErrorCode::upstream_unavailable, why});
}

void PluginInstance::dispatch_next(Lock& lock) {
  const std::shared_ptr<RemoteJob> job = std::move(waiting_.front());
  waiting_.pop_front();
  if (!job->begin()) return;
  const semroute_call call = number_ << kPluginCallBits | next_call_++;
  running_.emplace(call, Running{job, Clock::now()});
  calls_of_.emplace(job.get(), call);
  inside_.insert(call);
  counters_.begin(false);
  lock.unlock();
  try {
    call_dispatch(*settings_.table, instance_, *job, call);
  } catch (...) {
    (void)complete(call, Error{ErrorCode::upstream_error, "the target's plugin threw an exception"});
  }
  lock.lock();
  inside_.erase(call);
  hung_.erase(call);
}

void PluginInstance::cancel_next(Lock& lock) {
  const semroute_call call = cancelled_.front();
  cancelled_.pop_front();
  lock.unlock();
  try {
    settings_.table->cancel(instance_, call);
  } catch (...) {
    log_line(SEMROUTE_LOG_ERROR, "cancel() threw an exception");
  }
  lock.lock();
}

bool PluginInstance::complete(semroute_call call, core::Result<DispatchReply> reply) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(call);
  if (found == running_.end()) {
    ++ignored_;
    return false;
  }
  const Running running = std::move(found->second);
  running_.erase(found);
  calls_of_.erase(running.job.get());
  if (reply.ok()) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - running.began).count();
    counters_.end_ok(static_cast<std::uint64_t>(took));
  } else {
    counters_.end_failed(Failure::other);
  }
  if (stopping_) changed_.notify_all();
  if (running.job->finish(std::move(reply))) return true;
  ++ignored_;
  return false;
}

bool PluginInstance::is_wanted(semroute_call call) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(call);
  return found != running_.end() && found->second.job->is_wanted();
}

void PluginInstance::log_line(int level, std::string_view message) const {
  const int known = std::clamp<int>(level, SEMROUTE_LOG_DEBUG, SEMROUTE_LOG_ERROR);
  log(static_cast<LogLevel>(known), "target " + target_ + ": " + std::string(message));
}

bool PluginInstance::wait_until_left(std::chrono::milliseconds patience) {
  Lock lock(mutex_);
  return left_.wait_for(lock, patience, [this] { return threads_ == 0; });
}

TargetStats PluginInstance::stats() const {
  const std::lock_guard lock(mutex_);
  TargetStats stats;
  stats.pending = waiting_.size();
  EndpointStats& endpoint = stats.endpoints.emplace_back(counters_.stats());
  endpoint.address = settings_.file;
  endpoint.state = is_stuck()                    ? "stuck"
                   : instance_ != nullptr        ? "running"
                   : problem_.empty() && making_ ? "starting"
                                                 : "down";
  stats.state = endpoint.state == "down" || endpoint.state == "stuck" ? "unavailable" : "healthy";
  if (ignored_ > 0) endpoint.failures.emplace_back("ignored_completion", ignored_);
  if (!hung_.empty()) endpoint.failures.emplace_back("late_threads", hung_.size());
  return stats;
}

}  // namespace semroute::plugins
