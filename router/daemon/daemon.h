// Daemon: the whole life of the process, from the configuration's file to exit.
//
// The calling thread becomes the control thread: it accepts connections and hands them to the workers,
// serves admin HTTP, and answers signals. Targets and routes are read on a thread of their own, at start as in a
// reload, and made into a table by the change thread, which changes routes at run time, too: until the first are there
// the daemon is not ready and answers `unavailable`. A storm of reloads
// is answered by the running one and at most one more.
// Order of a drain: not ready; `drain.delay`; backlog accepted, what has arrived is served; then
// `unavailable` for new requests until every dispatch has answered or `drain.timeout` is over.
// Threads: run() once; request_reload() from any thread.
// Errors: run() returns the exit code (sysexits) after logging why.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/config.h"
#include "router/admin/admin_server.h"
#include "router/changes/store_journal.h"
#include "router/daemon/reload_queue.h"
#include "router/daemon/worker.h"
#include "router/net/listener.h"
#include "router/observe/decision_log.h"
#include "router/observe/metrics.h"
#include "router/verbs/verb.h"

namespace semroute::router {

class Daemon final : public Control {
 public:
  explicit Daemon(std::string config_file, const JournalParams& journal_params = {});
  ~Daemon() override;

  [[nodiscard]] int run();

  // Control
  void request_reload(ReloadQueue::Done done) override;
  void change_routes(std::vector<RouteChange> changes, ChangeThread::ChangeDone done) override;
  [[nodiscard]] Metrics& metrics() override { return metrics_; }
  [[nodiscard]] Clock::time_point started() const override { return started_; }

 private:
  enum class Phase : std::uint8_t { loading, serving, draining };

  [[nodiscard]] int start();
  [[nodiscard]] std::unique_ptr<GraphKeeper> graph_keeper() const;
  void become_ready();
  [[nodiscard]] std::string not_ready() const;  // why; empty when it is
  void take_connection(boost::asio::ip::tcp::socket socket);
  void refuse_connection(Worker& worker, boost::asio::ip::tcp::socket socket, std::string why);
  void wait_for_signal();
  void on_signal(int number);

  void begin_reload();
  void finish_reload(const core::Result<std::uint64_t>& revision);
  // Starts the targets that are new in it; those that it has no more, to be stopped.
  [[nodiscard]] std::vector<std::shared_ptr<plugins::Target>> publish(std::shared_ptr<const ServiceState> state);
  void publish_to_workers(std::shared_ptr<const ServiceState> state, std::function<void()> adopted);
  void answer_reload(const core::Result<std::uint64_t>& result);

  void begin_drain();
  void sweep_and_refuse();
  void poll_drained();
  void finish_drain();
  void stop();

  const std::string config_file_;
  const JournalParams journal_params_;
  const Clock::time_point started_ = Clock::now();
  Metrics metrics_;
  ConnectionCounts connections_;
  ConnectionCounts refused_;  // over a limit, until they are told and closed
  std::unique_ptr<DecisionLog> decision_log_;
  std::shared_ptr<const ServiceState> state_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t next_worker_ = 0;
  // Goes before the workers: an accept that was not finished holds a socket of one of theirs.
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer drain_timer_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<AdminServer> admin_;
  Phase phase_ = Phase::loading;

  bool is_loaded_ = false;  // a configuration with its routes was published
  std::thread loader_;
  ReloadQueue reloads_;
  std::unique_ptr<StoreJournal> journal_;  // null without data_dir
  std::unique_ptr<ChangeThread> changes_;

  Clock::time_point drain_began_;
  bool stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace semroute::router
