#include "router/daemon/daemon.h"

#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "config/load.h"
#include "config/reload_rules.h"
#include "core/base/limits.h"
#include "core/kernels/kernels.h"
#include "plugins/registry.h"
#include "router/daemon/log.h"

namespace semroute::router {

namespace asio = boost::asio;

namespace {

// Runs off the control thread: reading files takes as long as it takes.
core::Result<std::shared_ptr<const ServiceState>> load_state(const std::string& file,
                                                             const std::shared_ptr<const ServiceState>& running,
                                                             Metrics& metrics) {
  auto loaded = config::load_config(file, plugins::check_target);
  std::vector<config::Diagnostic> problems = std::move(loaded.problems);
  if (loaded.config) {
    const auto fixed = config::changes_needing_restart(running->config, *loaded.config);
    problems.insert(problems.end(), fixed.begin(), fixed.end());
  }
  std::string message;
  std::size_t errors = 0;
  for (const auto& p : problems) {
    log_line(p.severity == config::Severity::error ? LogLevel::error : LogLevel::warning, config::to_string(p));
    if (p.severity != config::Severity::error) continue;
    if (errors++ == 0) message = config::to_string(p);
  }
  if (errors > 0 || !loaded.config) {
    if (errors > 1) message += " (and " + std::to_string(errors - 1) + " more; see the log or semroute check)";
    return core::Error{core::ErrorCode::bad_request, "the configuration was refused, the old one stays: " + message};
  }
  return build_service_state(std::move(*loaded.config), running.get(), running->revision + 1, metrics);
}

}  // namespace

Daemon::Daemon(std::string config_file)
    : config_file_(std::move(config_file)), signals_(io_, SIGHUP, SIGTERM, SIGINT), drain_timer_(io_) {
  signals_.add(SIGUSR1);
  // A peer that is gone, or a full disk quota, is an error of that write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

Daemon::~Daemon() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  if (loader_.joinable()) loader_.join();
}

int Daemon::run(config::Config config) {
  const int failed = start(std::move(config));
  if (failed != EX_OK) return failed;
  io_.run();
  log_line(LogLevel::info, "stopped");
  return EX_OK;
}

int Daemon::start(config::Config config) {
  const auto fail = [](int code, const core::Error& error) {
    log_line(LogLevel::error, error.message);
    return code;
  };
  if (config.admin) {
    admin_ = std::make_unique<AdminServer>(io_, AdminAnswers{.not_ready =
                                                                 [this] {
                                                                   return std::string(phase_ == Phase::serving ? ""
                                                                                      : phase_ == Phase::loading
                                                                                          ? "loading"
                                                                                          : "draining");
                                                                 },
                                                             .metrics = [this] { return metrics_.expose(); }});
    if (const auto opened = admin_->open(*config.admin); !opened.ok()) return fail(EX_UNAVAILABLE, opened.error());
  }
  if (config.decision_log) {
    auto log = DecisionLog::open(config.decision_log->file);
    if (!log.ok()) return fail(EX_CANTCREAT, log.error());
    decision_log_ = std::move(log).value();
    metrics_.decision_log_dropped = [this] { return decision_log_->dropped(); };
  }
  auto state = build_service_state(std::move(config), nullptr, 1, metrics_);
  if (!state.ok()) return fail(EX_CONFIG, state.error());
  publish(std::move(state).value());
  for (std::size_t i = 0; i < state_->config.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, state_, metrics_.add_worker(), *this, decision_log_.get()));
  }
  listener_ = std::make_unique<Listener>(
      io_,
      [this]() -> asio::io_context& {
        picked_worker_ = next_worker_++ % workers_.size();
        return workers_[picked_worker_]->io();
      },
      [this](asio::ip::tcp::socket socket) { take_connection(std::move(socket)); });
  if (const auto opened = listener_->open(state_->config.listen); !opened.ok()) {
    return fail(EX_UNAVAILABLE, opened.error());
  }
  for (auto& worker : workers_) worker->start();
  listener_->start();
  wait_for_signal();
  phase_ = Phase::serving;
  log_line(LogLevel::info, "semrouted " SEMROUTE_VERSION ": " + std::to_string(state_->routing->table.routes().size()) +
                               " routes, " + std::to_string(state_->routing->table.reference_count()) +
                               " references, kernels " + std::string(core::to_string(core::active_kernels().isa)) +
                               ", workers " + std::to_string(workers_.size()));
  if (admin_ != nullptr) log_line(LogLevel::info, "admin on http://" + config::to_string(admin_->address()));
  log_line(LogLevel::info, "listening on " + config::to_string(listener_->address()));
  return EX_OK;
}

void Daemon::take_connection(asio::ip::tcp::socket socket) {
  const auto& limits = state_->config.limits;
  if (connections_.total() >= limits.max_connections) {
    return refuse_connection(std::move(socket), "limits.max_connections is reached");
  }
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  auto address = peer.address().to_string();
  if (limits.max_connections_per_address > 0 && connections_.of(address) >= limits.max_connections_per_address) {
    return refuse_connection(std::move(socket), "limits.max_connections_per_address is reached");
  }
  workers_[picked_worker_]->adopt(std::move(socket), connections_.take(std::move(address)));
}

// The protocol is not known yet; JSON is what a person can read.
void Daemon::refuse_connection(asio::ip::tcp::socket socket, const std::string& message) {
  metrics_.connections_refused.fetch_add(1);
  std::string line;
  encode_json(RequestId{}, ErrorReply{.code = core::ErrorCode::overloaded, .message = message, .retryable = true},
              line);
  boost::system::error_code ec;
  socket.non_blocking(true, ec);
  socket.write_some(asio::buffer(line), ec);
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
    return request_reload([](const core::Result<std::uint64_t>&) {});
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

void Daemon::request_reload(ReloadDone done) {
  asio::post(io_, [this, done = std::move(done)]() mutable {
    if (phase_ == Phase::draining) {
      return done(core::Error{core::ErrorCode::unavailable, "the daemon is shutting down"});
    }
    // The running reload may have read the file before this request was made, so it gets the next one.
    if (reloading_) {
      reload_next_.push_back(std::move(done));
      return;
    }
    reload_waiting_.push_back(std::move(done));
    begin_reload();
  });
}

void Daemon::begin_reload() {
  reloading_ = true;
  if (loader_.joinable()) loader_.join();
  loader_ = std::thread([this, running = state_] {
    auto built = load_state(config_file_, running, metrics_);
    asio::post(io_, [this, built = std::move(built)]() mutable { finish_reload(std::move(built)); });
  });
}

void Daemon::finish_reload(core::Result<std::shared_ptr<const ServiceState>> built) {
  metrics_.reload_success = built.ok();
  if (!built.ok()) {
    log_line(LogLevel::error, "reload refused: " + built.error().message);
    return answer_reload(built.error());
  }
  publish(std::move(built).value());
  const auto missing = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (auto& worker : workers_) {
    worker->publish(state_, [this, missing, revision = state_->revision] {
      if (missing->fetch_sub(1) != 1) return;
      asio::post(io_, [this, revision] {
        log_line(LogLevel::info, "reloaded: revision " + std::to_string(revision));
        answer_reload(revision);
      });
    });
  }
}

void Daemon::publish(std::shared_ptr<const ServiceState> state) {
  state_ = std::move(state);
  metrics_.revision = state_->revision;
  metrics_.routes = state_->routing->table.routes().size();
  metrics_.references = state_->routing->table.reference_count();
}

void Daemon::answer_reload(const core::Result<std::uint64_t>& result) {
  for (const auto& done : std::exchange(reload_waiting_, {})) done(result);
  reloading_ = false;
  if (reload_next_.empty()) return;
  reload_waiting_ = std::exchange(reload_next_, {});
  begin_reload();
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
  if (admin_ != nullptr) admin_->close();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  io_.stop();
}

}  // namespace semroute::router
