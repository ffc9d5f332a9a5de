// ChangeThread: the one thread that makes tables: whole configurations, and changes of routes while requests flow.
//
// Changes that wait are taken together: each is checked against the newest table with the earlier ones applied, the
// accepted ones are kept by the journal as one group, and the next table is published to every worker; then each is
// answered with the revision that it made. Configurations are loaded in between, in the order they came.
// Bounds: kMaxWaitingChanges and kMaxWaitingChangeBytes; beyond, a change is answered `overloaded` at once.
// Threads: change(), load() and stop() from any; answers come on this thread or on the caller's.
// Errors: those of TableWriter::apply; unavailable when the journal fails or the thread is stopped.
// Lifetime: the journal, the metrics and what `publish` uses outlive it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "router/changes/change_journal.h"
#include "router/changes/graph_keeper.h"
#include "router/changes/route_change.h"
#include "router/daemon/service_state.h"
#include "router/routes/table_writer.h"

namespace semroute::router {

struct ChangeAnswer {
  core::Result<std::uint64_t> revision;  // the one that the change made
  bool outcome_unknown = false;          // of an error: whether it may be found at the next start all the same
  bool is_lasting = false;               // of an error: whether asking again is no use while the daemon runs
};

class ChangeThread {
 public:
  using ChangeDone = std::function<void(const ChangeAnswer&)>;
  using LoadDone = std::function<void(const core::Result<std::uint64_t>&)>;
  // Has every worker serve the state, then calls `adopted`, on any thread.
  using Publish = std::function<void(std::shared_ptr<const ServiceState> state, std::function<void()> adopted)>;

  // `first` is what is served before the first load. `journal` may be null: then changes are not kept; `graphs` as
  // well: then graphs are not.
  ChangeThread(std::shared_ptr<const ServiceState> first, std::size_t threads, ChangeJournal* journal,
               std::unique_ptr<GraphKeeper> graphs, Metrics& metrics, Publish publish);
  ~ChangeThread();
  ChangeThread(const ChangeThread&) = delete;
  ChangeThread& operator=(const ChangeThread&) = delete;

  // All of them, in order, or none. A configuration must have been loaded.
  void change(std::vector<RouteChange> changes, ChangeDone done);
  // Makes the table of a checked configuration, with its routes. Answers with the revision once it is served.
  void load(config::Config config, LoadDone done);

  // What waits is answered `unavailable`. join() returns when the thread has ended, which a load may delay.
  void stop();
  void join();

 private:
  struct Change {
    std::vector<RouteChange> changes;
    std::size_t bytes = 0;
    ChangeDone done;
    std::optional<ChangeAnswer> answer{};
  };
  struct Load {
    config::Config config;
    LoadDone done;
  };
  using Item = std::variant<Change, Load>;

  void run();
  // The next load, or all changes before it. Empty: stopped.
  [[nodiscard]] std::vector<Item> take();
  void apply(std::span<Item> group);
  void accept(std::span<Item> group, std::vector<JournalBatch>& batches);
  [[nodiscard]] JournalChange kept_as(const RouteChange& change, std::uint64_t revision,
                                      std::span<const JournalBatch> batches) const;
  void run_load(Load& load);
  [[nodiscard]] core::Result<void> make_loaded(Load& load);
  [[nodiscard]] InsertProgress insert_log(const config::Config& config) const;
  [[nodiscard]] bool serve(std::shared_ptr<const ServiceState> state);  // false: stopped
  void log_parked(const RoutingState* before, const RoutingState& now) const;

  void tidy_up();
  [[nodiscard]] bool has_to_tidy_up() const;

  ChangeJournal* journal_;
  Metrics& metrics_;
  Publish publish_;

  // Of the thread alone.
  TableWriter writer_;
  std::shared_ptr<const ServiceState> newest_;
  bool removals_wait_ = false;
  std::unique_ptr<GraphKeeper> graphs_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Item> waiting_;
  std::size_t waiting_changes_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t adopted_ = 0;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace semroute::router
