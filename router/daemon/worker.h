// Worker: one thread, one io_context, and the sessions that live on it.
//
// Requests are decided right here, on the worker's thread; only dispatches wait for anything. A worker holds
// its own pointer to the published ServiceState, so that no lock is taken to serve.
// Threads: members below "any thread" post to the loop; all others belong to the worker's thread.
// Lifetime: stop(), then join(), then destruction.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "router/daemon/service_state.h"
#include "router/decide/decide.h"
#include "router/dispatch/channel_pool.h"
#include "router/net/session.h"
#include "router/observe/decision_log.h"
#include "router/verbs/verb.h"

namespace semroute::router {

class Worker final : public SessionHandler {
 public:
  // `log` may be null. `control` and `log` outlive the worker.
  Worker(std::size_t number, std::shared_ptr<const ServiceState> state, WorkerCounters& counters, Control& control,
         DecisionLog* log);
  ~Worker() override;

  // Any thread.
  void start();
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  void adopt(boost::asio::ip::tcp::socket socket, ConnectionCounts::Lease lease);
  // Tells the client why and closes its connection.
  void turn_away(boost::asio::ip::tcp::socket socket, ConnectionCounts::Lease lease, core::Error why);
  void publish(std::shared_ptr<const ServiceState> state, std::function<void()> adopted);
  void begin_drain();
  // Calls `answer(true)` on the worker's thread when nothing is left to answer or write.
  void ask_drained(std::function<void(bool)> answer);
  void finish_drain(std::function<void()> closed);  // `closed` when the last session is closed
  void stop();
  void join();

  // SessionHandler, on the worker's thread.
  void handle(Session& session, Request& request, Clock::time_point started) override;
  void on_closed(Session& session) override;
  [[nodiscard]] const config::LimitsConfig& limits() const override { return state_->config.limits; }
  [[nodiscard]] JsonDecoder& json_decoder() override { return json_; }
  [[nodiscard]] std::span<char> read_buffer() override { return read_buffer_; }
  [[nodiscard]] WorkerCounters& counters() override { return context_.counters; }
  [[nodiscard]] std::string_view request_id(const Request& request) override { return context_.request_id(request); }

 private:
  void add_session(boost::asio::ip::tcp::socket socket, ConnectionCounts::Lease lease,
                   std::function<void(Session&)> begin);
  void schedule_tick();
  void report_if_closed();

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer ticker_;
  bool ticking_ = false;
  std::shared_ptr<const ServiceState> state_;
  ChannelPool channels_;
  Mirrors mirrors_;
  JsonDecoder json_;
  std::vector<char> read_buffer_;
  VerbContext context_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  bool draining_ = false;
  std::function<void()> on_all_closed_;
  std::thread thread_;
};

}  // namespace semroute::router
