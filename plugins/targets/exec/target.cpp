// The kind `exec`: requests go to a pool of subprocesses, as lines of JSON on their stdin and stdout.
// Reads the kind's keys; the work is done by ExecPool, ExecProcess and Subprocess.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/scalar.h"
#include "plugins/remote_call.h"
#include "plugins/targets/exec/pool.h"
#include "plugins/targets/exec/protocol.h"
#include "plugins/targets/kinds.h"

namespace semroute::plugins {
namespace {

// The way to the pool: set by start(), before any worker has the target.
struct ExecHome {
  std::shared_ptr<LoopDoor> door;  // null: not started
  std::weak_ptr<ExecPool> pool;
};

class ExecChannel final : public Channel {
 public:
  ExecChannel(boost::asio::io_context& io, std::shared_ptr<ExecShared> shared, ExecHome home)
      : shared_(std::move(shared)),
        home_(std::move(home)),
        calls_(io, [state = shared_, to = home_](const std::shared_ptr<RemoteJob>& job, bool had_begun) {
          if (had_begun) return;
          --state->waiting;
          (void)to.door->post([pool = to.pool, job] {
            if (const auto there = pool.lock()) there->forget(job);
          });
        }) {
    ++shared_->channels;
  }
  ExecChannel(const ExecChannel&) = delete;
  ExecChannel& operator=(const ExecChannel&) = delete;
  ~ExecChannel() override {
    if (--shared_->channels > 0 || home_.door == nullptr) return;
    (void)home_.door->post([pool = home_.pool] {
      if (const auto there = pool.lock()) there->on_channels_closed();
    });
  }

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    const auto now = Clock::now();
    if (refuse_late(*request, now, done)) return nullptr;
    if (home_.door == nullptr) {
      done({core::Error{core::ErrorCode::upstream_unavailable, "the target's processes are not started"}, false});
      return nullptr;
    }
    if (shared_->waiting >= shared_->settings.pending + shared_->idle) {
      done({too_many_wait(), false});
      return nullptr;
    }
    const auto deadline = std::min(request->deadline, now + shared_->settings.timeout);
    ExecJob job;
    job.id = shared_->next_id++;
    job.line = std::make_shared<const std::string>(exec_request_line(job.id, *request, deadline));
    auto [call, remote] = calls_.begin(std::move(request), deadline, std::move(done));
    job.remote = std::move(remote);
    ++shared_->waiting;
    const std::shared_ptr<RemoteJob> waiting = job.remote;
    const auto refuse = [shared = shared_, waiting] {
      const core::Error gone{core::ErrorCode::upstream_unavailable, "the target's processes have ended"};
      if (waiting->finish(gone)) --shared->waiting;
    };
    const bool is_open = home_.door->post([pool = home_.pool, job = std::move(job), refuse]() mutable {
      if (const auto there = pool.lock()) {
        there->take(std::move(job));
      } else {
        refuse();
      }
    });
    if (!is_open) refuse();
    return std::move(call);
  }

 private:
  std::shared_ptr<ExecShared> shared_;
  ExecHome home_;
  RemoteCalls calls_;
};

class ExecTarget final : public Target {
 public:
  ExecTarget(std::string name, ExecSettings settings)
      : shared_(std::make_shared<ExecShared>(std::move(name), std::move(settings))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return shared_->name; }
  [[nodiscard]] std::string_view kind() const noexcept override { return "exec"; }
  [[nodiscard]] bool is_idempotent() const noexcept override { return shared_->settings.idempotent; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return std::make_unique<ExecChannel>(io, shared_, home_);
  }
  void start(boost::asio::io_context& io) override {
    const auto pool = std::make_shared<ExecPool>(io, shared_);
    home_ = {pool->door(), pool};
    pool->start();
  }
  void stop() override {
    if (const auto pool = home_.pool.lock()) pool->stop();
  }
  [[nodiscard]] TargetStats stats() const override {
    TargetStats stats;
    stats.state = "unavailable";
    stats.pending = shared_->waiting;
    for (const ExecState& state : shared_->states) {
      const pid_t pid = state.pid;
      EndpointStats& process = stats.endpoints.emplace_back(state.counters.stats());
      // Not the process's id: what is counted belongs to all that run in its place, one after another.
      process.address = "process " + std::to_string(stats.endpoints.size());
      process.state = pid > 0 ? "running" : "down";
      if (pid > 0) stats.state = "healthy";
    }
    return stats;
  }

 private:
  std::shared_ptr<ExecShared> shared_;
  ExecHome home_;
};

void read_command(TargetReader& reader, ExecSettings& settings) {
  constexpr std::string_view kExpected = "expected a list of strings: a program, then its arguments";
  const config::Value* node = reader.raw("command", "list of strings");
  if (node == nullptr || node->list() == nullptr || node->list()->empty()) {
    const std::string found = node == nullptr ? "nothing" : config::found_text(*node);
    const bool is_string = node != nullptr && node->string() != nullptr;
    reader.error("command", std::string(kExpected) + ", found " + (found == "a list" ? "an empty list" : found) +
                                (is_string ? "; no shell takes it apart" : ""));
    return;
  }
  for (const config::Value& word : *node->list()) {
    if (word.string() == nullptr) {
      reader.error("command", std::string(kExpected) + ", found " + config::found_text(word) + " in it");
    } else if (word.string()->find('\0') != std::string::npos) {
      reader.error("command", "expected words without NUL bytes, found \"" + config::printable(*word.string()) + '"');
    } else {
      settings.command.push_back(*word.string());
    }
  }
  if (settings.command.size() != node->list()->size()) return;
  if (const auto program = find_program(settings.command.front(), settings.folder)) {
    settings.command.front() = *program;
  } else {
    reader.error("command", "expected a program that can be run, found \"" + settings.command.front() + '"');
  }
}

void read_environment(TargetReader& reader, ExecSettings& settings) {
  for (const config::Member& member : reader.string_map("env")) {
    const std::string* value = member.value.string();
    if (value == nullptr) continue;  // reported by the reader
    if (member.key.empty() || member.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos ||
        value->find('\0') != std::string::npos) {
      reader.error("env", "\"" + member.key + "\" cannot be a variable of the environment");
    } else {
      settings.environment.push_back(member.key + '=' + *value);
    }
  }
}

void read_limits(TargetReader& reader, ExecSettings& settings) {
  config::MapReader own = reader.part("limits");
  settings.pending = TargetReader::pending(own, settings.pending);
  settings.max_reply_bytes = TargetReader::max_reply(own, settings.max_reply_bytes);
  const std::size_t memory = own.size("memory", 0, 0, std::size_t{1} << 40);
  if (memory > 0 && memory < kExecLeastMemory) {
    own.error("memory", "expected 0, for none, or at least " + config::format_size(kExecLeastMemory) + ", found " +
                            config::format_size(memory) + ": no program starts in less");
  } else if (memory > 0) {
    settings.memory_bytes = memory;
  }
  settings.open_files = static_cast<std::size_t>(own.integer("open_files", 256, 8, 1'000'000));
  own.finish();
}

std::shared_ptr<Target> make(const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  TargetReader reader(target, path, diagnostics, catalogue);
  ExecSettings settings;
  if (!target.file.empty()) {
    std::error_code ignored;  // then it is relative, as it was
    settings.folder = std::filesystem::absolute(target.file, ignored).parent_path().string();
  }
  read_command(reader, settings);
  read_environment(reader, settings);
  settings.processes =
      static_cast<std::size_t>(reader.integer("processes", 1, 1, static_cast<std::int64_t>(kExecMaxProcesses)));
  settings.timeout = reader.time("timeout", settings.timeout);
  settings.idempotent = reader.boolean("idempotent", false);
  read_limits(reader, settings);
  reader.finish();
  if (!reader.is_good()) return nullptr;
  return std::make_shared<ExecTarget>(target.name, std::move(settings));
}

}  // namespace

Kind exec_kind() noexcept { return {"exec", "a pool of subprocesses that speak JSON lines", make}; }

}  // namespace semroute::plugins
