// ExecProcess: one of an exec target's processes, over all of its lives.
//
//   down -> idle <-> busy
//     ^       \      /
//     +------- ending    (SIGTERM, after kExecGrace SIGKILL; whatever is left of its group goes with it)
//
// A process that ends, answers garbage, says something unasked or does not answer in time is ended and started again,
// kExecFirstBackoff after that, doubled with every life that answered nothing.
// Threads: the control thread's alone, but for the counters of ExecState, which stats() reads. Lifetime: part of its
// ExecPool, which pending handlers hold on to.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "plugins/remote_call.h"
#include "plugins/target_stats.h"
#include "plugins/targets/exec/settings.h"
#include "plugins/targets/exec/subprocess.h"

namespace semroute::plugins {

// A request on its way through the pool.
struct ExecJob {
  std::shared_ptr<RemoteJob> remote;
  std::uint64_t id = 0;
  std::shared_ptr<const std::string> line;
  std::vector<Attempt> attempts{};  // that failed
  bool has_begun = false;           // and is no longer counted as waiting, even when it is put back
};

// What stats() tells of one process.
struct ExecState {
  EndpointCounters counters;
  std::atomic<pid_t> pid{0};  // 0: none runs
};

class ExecPool;

class ExecProcess {
 public:
  ExecProcess(ExecPool& pool, ExecState& state);

  void start();
  // Precondition: is_idle().
  void run(ExecJob job);
  // Not to be started again; one that works ends its request first.
  void stop();

  [[nodiscard]] bool is_idle() const noexcept { return phase_ == Phase::idle; }
  [[nodiscard]] bool is_busy() const noexcept { return phase_ == Phase::busy; }
  // Whether it runs, or will soon: it had answered before it ended, or it was a request that ended it.
  [[nodiscard]] bool is_hopeful() const noexcept;

  // For the end of everything, when no handler will run: SIGTERM; then whether it has ended.
  void terminate_now();
  [[nodiscard]] bool has_ended();

 private:
  enum class Phase : std::uint8_t { down, idle, busy, ending };
  using Stream = boost::asio::posix::stream_descriptor;
  // One life. Handlers of an earlier one hold another pointer, and are ignored by that.
  struct Life;
  [[nodiscard]] static std::shared_ptr<Life> make_life(boost::asio::io_context& io, Subprocess started);

  [[nodiscard]] std::string named() const;
  [[nodiscard]] std::chrono::milliseconds back_off() const noexcept;
  void restart_later();
  void wait_for_end();
  void read_output();
  void read_errors();
  void take_output(bool is_last);
  void log_errors(std::size_t bytes);
  void write();
  void answer(std::string_view line);
  void fail_job(const std::string& message, Failure failure, bool may_try_again);
  void give_up(const std::string& why, Failure failure);
  void give_up_soon(const std::string& why);
  void end_life();
  void on_ended(const std::string& how);

  ExecPool& pool_;
  ExecState& state_;
  std::shared_ptr<Life> life_;
  std::optional<ExecJob> job_;
  Clock::time_point job_began_;
  boost::asio::steady_timer timer_;  // of the back-off, the deadline, or the grace
  boost::asio::steady_timer soon_;   // of give_up_soon
  Phase phase_ = Phase::down;
  bool stopped_ = false;
  unsigned failures_ = 0;          // lives without an answer, in a row
  bool ended_by_request_ = false;  // the last life did, rather than by itself
  unsigned lines_logged_ = 0;
  unsigned lines_dropped_ = 0;
  Clock::time_point lines_since_;
};

}  // namespace semroute::plugins
