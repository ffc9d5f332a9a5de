// PluginInstance: one target's instance of a plugin, the threads that call it, and the requests that wait for one.
//
// The first thread makes the instance; requests wait meanwhile. A thread whose dispatch() goes on after its call is
// over hangs: another takes its place, at most kPluginMaxLate at a time, and one leaves when it returns. When all
// threads hang the instance is stuck: requests are answered `upstream_unavailable` until one returns. After stop() the
// threads serve what waits and leave; the last one destroys the instance. One that does not return keeps it alive.
// Threads: take(), drop(), stop() from any. Lifetime: shared by its threads, which are detached: what is not back when
// the process ends is left behind.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "plugins/abi/semroute_plugin.h"
#include "plugins/remote_call.h"
#include "plugins/target_stats.h"

namespace semroute::plugins {

inline constexpr std::size_t kPluginMaxThreads = 256;
inline constexpr std::size_t kPluginMaxLate = 64;                // threads that hang and have others in their place
inline constexpr std::chrono::milliseconds kPluginGrace{1'000};  // for the threads when the process ends
inline constexpr std::size_t kPluginProblemBytes = 1'024;        // of what check() and create() say

struct PluginSettings {
  std::string file;  // as configured
  std::string path;
  const semroute_plugin* table = nullptr;
  std::string config;  // JSON
  std::size_t threads = 4;
  std::chrono::milliseconds timeout{60'000};
  std::size_t pending = 256;
  std::size_t max_reply_bytes = std::size_t{8} << 20;
};

class PluginInstance : public std::enable_shared_from_this<PluginInstance> {
 public:
  PluginInstance(std::string target, PluginSettings settings);
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;
  ~PluginInstance();

  [[nodiscard]] const PluginSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] const std::string& target() const noexcept { return target_; }

  // `left` is called, by the last thread that leaves.
  void start(std::function<void()> left);
  void stop();
  // False at the bound of waiting requests.
  [[nodiscard]] bool take(std::shared_ptr<RemoteJob> job);
  // Nobody waits for the job any more.
  void drop(const std::shared_ptr<RemoteJob>& job, bool had_begun);
  // Whether all threads left in time. For the end of the process.
  [[nodiscard]] bool wait_until_left(std::chrono::milliseconds patience);

  // The plugin's own calls, by the functions of semroute_host.
  bool complete(semroute_call call, core::Result<DispatchReply> reply);
  [[nodiscard]] bool is_wanted(semroute_call call);
  void log_line(int level, std::string_view message) const;

  [[nodiscard]] TargetStats stats() const;

 private:
  // What runs: from dispatch until it is completed or dropped.
  struct Running {
    std::shared_ptr<RemoteJob> job;
    Clock::time_point began;
  };
  using Lock = std::unique_lock<std::mutex>;

  void add_thread();  // with the lock held
  void serve();
  void make_instance(Lock& lock);
  void dispatch_next(Lock& lock);
  void cancel_next(Lock& lock);
  void refuse_all(const std::string& why);  // with the lock held
  [[nodiscard]] bool has_work() const { return !cancelled_.empty() || !waiting_.empty(); }
  [[nodiscard]] bool is_over() const { return stopping_ && running_.empty(); }
  // Threads that others have taken the place of.
  [[nodiscard]] std::size_t late() const { return std::min(hung_.size(), kPluginMaxLate); }
  [[nodiscard]] bool is_stuck() const { return instance_ != nullptr && hung_.size() >= threads_; }

  const std::string target_;
  const PluginSettings settings_;
  const std::uint64_t number_;  // of the instance, above kPluginCallBits in its calls' numbers
  const semroute_host* host_ = nullptr;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // there is work, or the end
  std::condition_variable left_;     // the last thread has left
  std::function<void()> on_left_;
  std::deque<std::shared_ptr<RemoteJob>> waiting_;
  std::deque<semroute_call> cancelled_;  // to be told to the plugin
  std::unordered_map<semroute_call, Running> running_;
  std::unordered_map<const RemoteJob*, semroute_call> calls_of_;  // of running_
  std::unordered_set<semroute_call> inside_;                      // dispatch() has not returned
  std::unordered_set<semroute_call> hung_;                        // of inside_: their calls are over
  void* instance_ = nullptr;
  std::string problem_;  // why there is no instance
  bool making_ = false;
  bool stopping_ = false;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  std::uint64_t next_call_ = 1;
  EndpointCounters counters_;
  std::uint64_t ignored_ = 0;  // completions that came too late, or twice
};

}  // namespace semroute::plugins
