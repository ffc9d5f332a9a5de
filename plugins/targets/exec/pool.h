// ExecPool: the processes of one exec target and the requests that wait for one, on the control thread.
//
// First come, first served. While no process runs, and none will soon (ExecProcess::is_hopeful), requests are answered
// `upstream_unavailable` at once. After stop() it goes on for as long as anything waits, works, or may still come.
// Threads: the control thread's alone, but for ExecShared. Lifetime: held by the handlers of its processes; it goes
// with the last of them, or with their loop: then what still runs gets SIGTERM, kExecGrace, and SIGKILL, and is reaped.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/targets/exec/process.h"
#include "plugins/targets/exec/settings.h"

namespace semroute::plugins {

// What the workers, the control thread and stats() share of a target.
struct ExecShared {
  ExecShared(std::string target_name, ExecSettings target_settings)
      : name(std::move(target_name)), settings(std::move(target_settings)), states(settings.processes) {}

  const std::string name;
  const ExecSettings settings;
  std::vector<ExecState> states;          // one a process
  std::atomic<std::size_t> waiting{0};    // jobs that have not begun
  std::atomic<std::size_t> idle{0};       // processes
  std::atomic<std::size_t> channels{0};   // open ones
  std::atomic<std::uint64_t> next_id{1};  // of a job
};

class ExecPool : public std::enable_shared_from_this<ExecPool> {
 public:
  ExecPool(boost::asio::io_context& io, std::shared_ptr<ExecShared> shared);
  ExecPool(const ExecPool&) = delete;
  ExecPool& operator=(const ExecPool&) = delete;
  ~ExecPool();

  [[nodiscard]] boost::asio::io_context& io() const noexcept { return io_; }
  // Closed when the pool ends.
  [[nodiscard]] const std::shared_ptr<LoopDoor>& door() const noexcept { return door_; }
  [[nodiscard]] ExecShared& shared() const noexcept { return *shared_; }

  void start();
  void take(ExecJob job);
  // Nobody waits for it any more.
  void forget(const std::shared_ptr<RemoteJob>& job);
  // The target is no longer part of what is served: it ends once it is idle and no channel is open.
  void stop();
  // The last channel was closed.
  void on_channels_closed() { pump(); }

  // For the processes.
  void put_back(ExecJob job);
  void pump();

 private:
  void refuse_all();
  void end_when_idle();

  boost::asio::io_context& io_;
  std::shared_ptr<LoopDoor> door_;
  std::shared_ptr<ExecShared> shared_;
  std::vector<std::unique_ptr<ExecProcess>> processes_;
  std::deque<ExecJob> queue_;
  bool stopping_ = false;
  std::optional<Clock::time_point> told_;  // when the last of the processes was told to end
};

}  // namespace semroute::plugins
