#include "router/daemon/daemon.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include "config/load.h"
#include "config/reload_rules.h"
#include "core/base/limits.h"
#include "core/kernels/kernels.h"
#include "plugins/registry.h"
#include "router/daemon/data_dir.h"
#include "router/daemon/log.h"
#include "router/routes/load_routing.h"

namespace semroute::router {

namespace asio = boost::asio;

namespace {

// While the process only waits for its threads: nothing is kept by halves, so it may end at any moment.
extern "C" void end_at_once(int number) { ::_exit(128 + number); }

std::size_t processors() { return std::max(1U, std::thread::hardware_concurrency()); }

void log_problems(const std::vector<config::Diagnostic>& problems) {
  for (const auto& p : problems) {
    log_line(p.severity == config::Severity::error ? LogLevel::error : LogLevel::warning, config::to_string(p));
  }
}

// The first problem, and how many more there are.
std::string summary(const config::LoadOutcome& outcome, std::size_t errors) {
  const auto first = std::ranges::find(outcome.problems, config::Severity::error, &config::Diagnostic::severity);
  const std::string text = first == outcome.problems.end() ? "nothing was read" : config::to_string(*first);
  if (errors < 2) return text;
  return text + " (and " + std::to_string(errors - 1) + " more; see the log or semroute check)";
}

// Runs off the control thread: reading files takes as long as it takes.
core::Result<config::Config> read_config(const std::string& file, const config::Config& running) {
  const auto began = Clock::now();
  RoutingLoad load{config::load_config(file, plugins::check_target), nullptr};
  if (load.outcome.config) {
    const auto fixed = config::changes_needing_restart(running, *load.outcome.config);
    load.outcome.problems.insert(load.outcome.problems.end(), fixed.begin(), fixed.end());
  }
  log_problems(load.outcome.problems);
  if (load.errors() > 0) return core::Error{core::ErrorCode::bad_request, summary(load.outcome, load.errors())};
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  log_line(LogLevel::debug, "read " + file + " in " + std::to_string(took.count()) + " ms");
  return std::move(*load.outcome.config);
}

}  // namespace

Daemon::Daemon(std::string config_file, const JournalParams& journal_params)
    : config_file_(std::move(config_file)),
      journal_params_(journal_params),
      signals_(io_, SIGHUP, SIGTERM, SIGINT),
      drain_timer_(io_) {
  signals_.add(SIGUSR1);
  // A peer that is gone, or a full disk quota, is an error of that write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

Daemon::~Daemon() {
  if (changes_ != nullptr) changes_->stop();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  if (loader_.joinable()) loader_.join();
  if (changes_ != nullptr) changes_->join();
}

int Daemon::run() {
  exit_code_ = start();
  if (exit_code_ != EX_OK) return exit_code_;
  io_.run();
  if (exit_code_ == EX_OK) log_line(LogLevel::info, "stopped");
  if (reloads_.running() && loader_.joinable()) {
    // What it reads is not wanted any more, and cannot be interrupted.
    decision_log_.reset();
    std::_Exit(exit_code_);
  }
  return exit_code_;
}

int Daemon::start() {
  const auto fail = [](int code, const core::Error& error) {
    log_line(LogLevel::error, error.message);
    return code;
  };
  auto sections = config::load_sections(config_file_);
  if (!sections) {
    const RoutingLoad load = load_routing(config_file_, processors());
    log_problems(load.outcome.problems);
    return fail(EX_CONFIG, {core::ErrorCode::bad_request, "not started: the configuration was refused"});
  }
  if (sections->data_dir) {
    auto journal = StoreJournal::open(*sections, journal_params_);
    if (!journal.ok()) return fail(exit_of_store(journal.error().code), journal.error());
    journal_ = std::move(journal).value();
    metrics_.store = [this] {
      const core::StoreBytes bytes = journal_->bytes();
      return Metrics::StoreUse{bytes.live, bytes.log, bytes.on_disk, journal_->read_only_reason()};
    };
  }
  if (sections->admin) {
    admin_ = std::make_unique<AdminServer>(io_, AdminAnswers{.not_ready = [this] { return not_ready(); },
                                                             .metrics = [this] { return metrics_.expose(); }});
    if (const auto opened = admin_->open(*sections->admin); !opened.ok()) return fail(EX_UNAVAILABLE, opened.error());
  }
  if (sections->decision_log) {
    auto log = DecisionLog::open(sections->decision_log->file);
    if (!log.ok()) return fail(EX_CANTCREAT, log.error());
    decision_log_ = std::move(log).value();
    metrics_.decision_log_dropped = [this] { return decision_log_->dropped(); };
  }
  (void)publish(loading_state(std::move(*sections)));
  metrics_.index_bytes = [this] { return index_bytes(*state_->routing); };
  metrics_.target_stats = [this] {
    Metrics::TargetsStats stats;
    for (const auto& target : state_->targets) stats.emplace_back(target->name(), target->stats());
    return stats;
  };
  for (std::size_t i = 0; i < state_->config.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, state_, metrics_.add_worker(), *this, decision_log_.get()));
  }
  listener_ = std::make_unique<Listener>(
      io_, [this]() -> asio::io_context& { return workers_[next_worker_++ % workers_.size()]->io(); },
      [this](asio::ip::tcp::socket socket) { take_connection(std::move(socket)); });
  if (const auto opened = listener_->open(state_->config.listen); !opened.ok()) {
    return fail(EX_UNAVAILABLE, opened.error());
  }
  // Half of the processors are left to the requests that go on meanwhile.
  changes_ = std::make_unique<ChangeThread>(
      state_, std::max<std::size_t>(1, processors() / 2), journal_.get(), graph_keeper(), metrics_,
      [this](std::shared_ptr<const ServiceState> state, std::function<void()> adopted) {
        asio::post(io_, [this, state = std::move(state), adopted = std::move(adopted)]() mutable {
          publish_to_workers(std::move(state), std::move(adopted));
        });
      });
  for (auto& worker : workers_) worker->start();
  listener_->start();
  wait_for_signal();
  if (reloads_.request(nullptr)) begin_reload();
  return EX_OK;
}

std::unique_ptr<GraphKeeper> Daemon::graph_keeper() const {
  if (!state_->config.data_dir) return nullptr;
  return std::make_unique<GraphKeeper>(*state_->config.data_dir, journal_params_.read_only);
}

std::string Daemon::not_ready() const {
  switch (phase_) {
    case Phase::loading: return "loading";
    case Phase::serving: return "";
    case Phase::draining: return "draining";
  }
  return "";
}

void Daemon::become_ready() {
  phase_ = Phase::serving;
  const RouteTable& table = state_->routing->table;
  log_line(LogLevel::info, "semrouted " SEMROUTE_VERSION ": " + std::to_string(table.routes().size()) + " routes, " +
                               std::to_string(table.reference_count()) + " references, " +
                               std::to_string(table.negative_count()) + " negatives, kernels " +
                               std::string(core::to_string(core::active_kernels().isa)) + ", workers " +
                               std::to_string(workers_.size()));
  if (admin_ != nullptr) log_line(LogLevel::info, "admin on http://" + config::to_string(admin_->address()));
  log_line(LogLevel::info, "listening on " + config::to_string(listener_->address()));
}

void Daemon::take_connection(asio::ip::tcp::socket socket) {
  const auto& limits = state_->config.limits;
  // The worker whose loop the socket lives on.
  const auto home = std::find_if(workers_.begin(), workers_.end(), [&](const auto& worker) {
    return &worker->io() == &asio::query(socket.get_executor(), asio::execution::context);
  });
  SEMROUTE_CHECK(home != workers_.end());
  if (connections_.total() >= limits.max_connections) {
    return refuse_connection(**home, std::move(socket), "limits.max_connections is reached");
  }
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  auto address = peer.address().to_string();
  if (limits.max_connections_per_address > 0 && connections_.of(address) >= limits.max_connections_per_address) {
    return refuse_connection(**home, std::move(socket), "limits.max_connections_per_address is reached");
  }
  if (log_enabled(LogLevel::debug)) {
    log_line(LogLevel::debug, "a connection from " + address + ':' + std::to_string(peer.port()));
  }
  (*home)->adopt(std::move(socket), connections_.take(std::move(address)));
}

void Daemon::refuse_connection(Worker& worker, asio::ip::tcp::socket socket, std::string why) {
  metrics_.connections_refused.fetch_add(1);
  if (log_enabled(LogLevel::debug)) log_line(LogLevel::debug, "a connection was refused: " + why);
  if (refused_.total() >= core::kMaxRefusedConnections) return;  // closes it without a word
  worker.turn_away(std::move(socket), refused_.take(""), {core::ErrorCode::overloaded, std::move(why)});
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& ec, int number) {
    if (ec) return;
    on_signal(number);
    wait_for_signal();
  });
}

void Daemon::on_signal(int number) {
  if (number == SIGHUP) {
    log_line(LogLevel::info, "SIGHUP: reloading " + config_file_);
    return request_reload(nullptr);
  }
  if (number == SIGUSR1) {
    if (decision_log_ != nullptr) decision_log_->reopen();
    return;
  }
  if (phase_ == Phase::draining) {
    log_line(LogLevel::warning, "second signal: exiting at once");
    std::_Exit(128 + number);
  }
  begin_drain();
}

void Daemon::request_reload(ReloadQueue::Done done) {
  asio::post(io_, [this, done = std::move(done)]() mutable {
    if (phase_ == Phase::draining) {
      if (done) done(core::Error{core::ErrorCode::unavailable, "the daemon is shutting down"});
      return;
    }
    if (reloads_.request(std::move(done))) begin_reload();
  });
}

void Daemon::change_routes(std::vector<RouteChange> changes, ChangeThread::ChangeDone done) {
  changes_->change(std::move(changes), std::move(done));
}

void Daemon::begin_reload() {
  if (loader_.joinable()) loader_.join();
  loader_ = std::thread([this, running = state_] {
    const auto finish = [this](core::Result<std::uint64_t> revision) {
      asio::post(io_, [this, revision = std::move(revision)] { finish_reload(revision); });
    };
    auto config = read_config(config_file_, running->config);
    if (!config.ok()) return finish(config.error());
    changes_->load(std::move(config).value(), [this, finish](const core::Result<std::uint64_t>& revision) {
      if (revision.ok()) return finish(revision);
      const core::Error error{revision.error().code, config_file_ + ": " + revision.error().message};
      log_line(LogLevel::error, error.message);
      finish(error);
    });
  });
}

void Daemon::finish_reload(const core::Result<std::uint64_t>& revision) {
  if (!revision.ok() && !is_loaded_) {
    const bool is_kept_data = revision.error().code == core::ErrorCode::damaged;
    log_line(LogLevel::error, is_kept_data ? "not started: what data_dir holds is damaged (see semroute store check)"
                                           : "not started: the configuration was refused");
    exit_code_ = is_kept_data ? EX_DATAERR : EX_CONFIG;
    (void)reloads_.finish(revision.error());
    return stop();
  }
  metrics_.reload_success = revision.ok();
  if (!revision.ok()) {
    const std::string message = "the configuration was refused, the old one stays: " + revision.error().message;
    log_line(LogLevel::error, message);
    return answer_reload(core::Error{revision.error().code, message});
  }
  if (std::exchange(is_loaded_, true)) {
    log_line(LogLevel::info, "reloaded: revision " + std::to_string(*revision));
  } else if (phase_ == Phase::loading) {
    become_ready();
  }
  answer_reload(revision);
}

void Daemon::publish_to_workers(std::shared_ptr<const ServiceState> state, std::function<void()> adopted) {
  // Those that are no longer served stop when no worker has the state before any more, and sends them new requests.
  auto dropped = publish(std::move(state));
  const auto missing = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  const auto all_adopted = [this, dropped = std::move(dropped), adopted = std::move(adopted)] {
    if (!dropped.empty()) {
      asio::post(io_, [dropped] {
        for (const auto& target : dropped) target->stop();
      });
    }
    adopted();
  };
  for (auto& worker : workers_) {
    worker->publish(state_, [missing, all_adopted] {
      if (missing->fetch_sub(1) == 1) all_adopted();
    });
  }
}

std::vector<std::shared_ptr<plugins::Target>> Daemon::publish(std::shared_ptr<const ServiceState> state) {
  const auto without = [](const std::vector<std::shared_ptr<plugins::Target>>& targets,
                          const std::vector<std::shared_ptr<plugins::Target>>& others) {
    std::vector<std::shared_ptr<plugins::Target>> left = targets;
    std::erase_if(left, [&](const auto& target) { return std::ranges::find(others, target) != others.end(); });
    return left;
  };
  const auto before = state_ == nullptr ? std::vector<std::shared_ptr<plugins::Target>>() : state_->targets;
  for (const auto& target : without(state->targets, before)) {
    const auto known = std::ranges::find(before, target->name(), [](const auto& t) { return t->name(); });
    if (known != before.end()) target->inherit(**known);
    target->start(io_);
  }
  state_ = std::move(state);
  metrics_.revision = state_->revision;
  metrics_.routes = state_->routing->table.routes().size();
  metrics_.references = state_->routing->table.reference_count();
  metrics_.negatives = state_->routing->table.negative_count();
  metrics_.parked_routes = state_->routing->parked.size();
  return without(before, state_->targets);
}

void Daemon::answer_reload(const core::Result<std::uint64_t>& result) {
  if (reloads_.finish(result)) begin_reload();
}

void Daemon::begin_drain() {
  phase_ = Phase::draining;
  const auto& drain = state_->config.drain;
  log_line(LogLevel::info, "draining");
  drain_timer_.expires_after(drain.delay);
  drain_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) sweep_and_refuse();
  });
}

void Daemon::sweep_and_refuse() {
  drain_began_ = Clock::now();
  listener_->drain();
  for (auto& worker : workers_) worker->begin_drain();
  poll_drained();
}

// Asks every worker until all are drained and open connections had their grace, or time is up.
void Daemon::poll_drained() {
  const auto elapsed = Clock::now() - drain_began_;
  if (elapsed > state_->config.drain.timeout) {
    log_line(LogLevel::warning, "drain.timeout is over: cancelling what is still in flight");
    return finish_drain();
  }
  struct Poll {
    std::atomic<std::size_t> missing;
    std::atomic<bool> all{true};
  };
  const auto poll = std::make_shared<Poll>();
  poll->missing = workers_.size();
  for (auto& worker : workers_) {
    worker->ask_drained([this, poll](bool drained) {
      if (!drained) poll->all = false;
      if (poll->missing.fetch_sub(1) != 1) return;
      asio::post(io_, [this, poll] {
        if (poll->all && Clock::now() - drain_began_ > core::kDrainGrace) return finish_drain();
        drain_timer_.expires_after(core::kSessionTick);
        drain_timer_.async_wait([this](const boost::system::error_code& ec) {
          if (!ec) poll_drained();
        });
      });
    });
  }
}

void Daemon::finish_drain() {
  const auto missing = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (auto& worker : workers_) {
    worker->finish_drain([this, missing] {
      if (missing->fetch_sub(1) == 1) asio::post(io_, [this] { stop(); });
    });
  }
  // A client that never closes its side is not waited for.
  drain_timer_.expires_after(2 * core::kLingerTimeout);
  drain_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) stop();
  });
}

void Daemon::stop() {
  if (std::exchange(stopping_, true)) return;
  drain_timer_.cancel();
  signals_.cancel();
  // The change thread may have minutes to go, for a large change or the graph, and nobody reads signals any more.
  for (const int number : {SIGTERM, SIGINT}) {
    signals_.remove(number);
    std::signal(number, end_at_once);
  }
  if (admin_ != nullptr) admin_->close();
  if (changes_ != nullptr) changes_->stop();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  for (const auto& target : state_->targets) target->stop();
  io_.stop();
}

}  // namespace semroute::router
