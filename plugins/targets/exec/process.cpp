#include "plugins/targets/exec/process.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "config/scalar.h"
#include "plugins/log.h"
#include "plugins/targets/exec/pool.h"
#include "plugins/targets/exec/protocol.h"

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::ErrorCode;

constexpr std::size_t kReadBytes = 64 * 1024;

}  // namespace

struct ExecProcess::Life {
  Life(asio::io_context& io, Subprocess started)
      : process(std::move(started)),
        pid(process.pid()),
        input(io, process.input.release()),
        output(io, process.output.release()),
        errors(io, process.errors.release()),
        ended(io, process.ended.release()) {}

  Subprocess process;
  pid_t pid;  // also when it was reaped
  Stream input;
  Stream output;
  Stream errors;
  Stream ended;
  std::string read;        // of output, and not yet taken
  std::string error_line;  // the beginning of one
  std::array<char, kReadBytes> output_room{};
  std::array<char, 4096> error_room{};
  bool has_answered = false;
};

// Null when the loop cannot take its descriptors.
std::shared_ptr<ExecProcess::Life> ExecProcess::make_life(asio::io_context& io, Subprocess started) try {
  return std::make_shared<Life>(io, std::move(started));
} catch (const boost::system::system_error&) {
  return nullptr;
}

ExecProcess::ExecProcess(ExecPool& pool, ExecState& state)
    : pool_(pool), state_(state), timer_(pool.io()), soon_(pool.io()) {}

std::string ExecProcess::named() const {
  std::string name = "target " + pool_.shared().name + ": process";
  return life_ == nullptr ? name : name + ' ' + std::to_string(life_->pid);
}

void ExecProcess::start() {
  core::Result<Subprocess> started = Subprocess::start(pool_.shared().settings);
  if (!started.ok()) {
    life_ = nullptr;
    ended_by_request_ = false;
    ++failures_;
    log(LogLevel::error, named() + " could not be started: " + started.error().message);
    restart_later();
    return;
  }
  life_ = make_life(pool_.io(), std::move(*started));
  if (life_ == nullptr) {
    ended_by_request_ = false;
    ++failures_;
    log(LogLevel::error, named() + " could not be watched and was ended");
    restart_later();
    return;
  }
  state_.pid = life_->pid;
  log(LogLevel::info, named() + " was started");
  phase_ = Phase::idle;
  ++pool_.shared().idle;
  wait_for_end();
  read_output();
  read_errors();
}

std::chrono::milliseconds ExecProcess::back_off() const noexcept {
  const unsigned doublings = std::min(failures_ > 0 ? failures_ - 1 : 0U, 16U);
  return std::min(kExecFirstBackoff * (1U << doublings), kExecLongestBackoff);
}

bool ExecProcess::is_hopeful() const noexcept {
  if (is_idle() || is_busy()) return true;
  return !stopped_ && (failures_ == 0 || (ended_by_request_ && back_off() <= kExecPatience));
}

void ExecProcess::restart_later() {
  phase_ = Phase::down;
  if (stopped_) return;
  timer_.expires_after(back_off());
  timer_.async_wait([this, pool = pool_.shared_from_this()](const error_code& error) {
    if (error || phase_ != Phase::down || stopped_) return;
    start();
    pool_.pump();
  });
}

void ExecProcess::wait_for_end() {
  life_->ended.async_wait(
      Stream::wait_read, [this, pool = pool_.shared_from_this(), life = life_](const error_code& error) {
        if (error || life != life_) return;
        // What it said before its end still counts.
        for (;;) {
          const ssize_t got = ::read(life->output.native_handle(), life->output_room.data(), life->output_room.size());
          if (got <= 0) break;
          life->read.append(life->output_room.data(), static_cast<std::size_t>(got));
          if (life->read.size() > pool_.shared().settings.max_reply_bytes) break;
        }
        if (phase_ == Phase::busy) take_output(true);
        if (const auto how = life->process.reap()) {
          on_ended(*how);
        } else {
          wait_for_end();
        }
      });
}

void ExecProcess::read_output() {
  life_->output.async_read_some(asio::buffer(life_->output_room), [this, pool = pool_.shared_from_this(), life = life_](
                                                                      const error_code& error, std::size_t bytes) {
    if (life != life_ || phase_ == Phase::ending || phase_ == Phase::down) return;
    if (error) {
      give_up_soon("closed its output");
      return;
    }
    life->read.append(life->output_room.data(), bytes);
    take_output(false);
    if (life == life_ && phase_ != Phase::ending) read_output();
  });
}

// `is_last`: the process has ended.
void ExecProcess::take_output(bool is_last) {
  std::string& read = life_->read;
  const std::size_t most = pool_.shared().settings.max_reply_bytes;
  const std::size_t newline = read.find('\n');
  if (phase_ != Phase::busy) {
    give_up("said something that it was not asked for", Failure::bad_reply);
  } else if (std::min(newline, read.size()) > most) {
    give_up("answered with more than limits.max_reply, " + config::format_size(most), Failure::bad_reply);
  } else if (newline != std::string::npos) {
    const std::string line = read.substr(0, newline);
    read.erase(0, newline + 1);
    answer(line);
    if (phase_ != Phase::idle || is_last) return;
    if (!read.empty()) {
      give_up("said something that it was not asked for", Failure::bad_reply);
    } else if (stopped_) {
      end_life();
    } else {
      pool_.pump();
    }
  }
}

void ExecProcess::read_errors() {
  life_->errors.async_read_some(asio::buffer(life_->error_room), [this, pool = pool_.shared_from_this(), life = life_](
                                                                     const error_code& error, std::size_t bytes) {
    if (life != life_) return;
    log_errors(error ? 0 : bytes);
    if (!error) read_errors();
  });
}

// Whole lines, and what is left at the end. Long lines are cut, too many are counted.
void ExecProcess::log_errors(std::size_t bytes) {
  const auto say = [this](std::string_view line) {
    const auto now = Clock::now();
    if (now - lines_since_ >= std::chrono::seconds(1)) {
      if (lines_dropped_ > 0) {
        log(LogLevel::warning, named() + ": " + std::to_string(lines_dropped_) + " lines were left out here");
      }
      lines_since_ = now;
      lines_logged_ = lines_dropped_ = 0;
    }
    if (lines_logged_ >= kExecLogLines) {
      ++lines_dropped_;
      return;
    }
    ++lines_logged_;
    log(LogLevel::info, named() + ": " + std::string(line));
  };
  std::string& open = life_->error_line;
  for (const char c : std::string_view(life_->error_room.data(), bytes)) {
    if (c == '\n') {
      say(open);
      open.clear();
    } else if (open.size() < kExecMaxLogLine) {
      open += c;
    }
  }
  if (bytes == 0 && !open.empty()) say(std::exchange(open, {}));
}

void ExecProcess::run(ExecJob job) {
  phase_ = Phase::busy;
  --pool_.shared().idle;
  job_ = std::move(job);
  job_began_ = Clock::now();
  state_.counters.begin(!job_->attempts.empty());
  timer_.expires_at(job_->remote->deadline);
  timer_.async_wait([this, pool = pool_.shared_from_this(), life = life_](const error_code& error) {
    if (error || life != life_ || phase_ != Phase::busy || timer_.expiry() > Clock::now()) return;
    give_up("did not answer in time", Failure::timeout);
  });
  write();
}

void ExecProcess::write() {
  // The handler may outlive the job.
  asio::async_write(life_->input, asio::buffer(*job_->line),
                    [this, pool = pool_.shared_from_this(), life = life_, line = job_->line](const error_code& error,
                                                                                             std::size_t bytes) {
                      if (!error || life != life_ || phase_ != Phase::busy || job_->line != line) return;
                      if (bytes == 0) {
                        // It saw nothing of the request, which goes to another, or to its next life.
                        state_.counters.end_failed(Failure::reset);
                        pool_.put_back(*std::exchange(job_, std::nullopt));
                        phase_ = Phase::idle;
                        ++pool_.shared().idle;
                        give_up("closed its input", Failure::reset);
                      } else {
                        give_up_soon("closed its input");
                      }
                    });
}

void ExecProcess::answer(std::string_view line) {
  ExecReply parsed = parse_exec_reply(job_->id, line);
  if (parsed.is_garbage) {
    give_up(parsed.problem, Failure::bad_reply);
    return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job_began_).count();
  const auto took_us = static_cast<std::uint64_t>(took);
  life_->has_answered = true;
  failures_ = 0;
  timer_.cancel();
  ExecJob job = *std::exchange(job_, std::nullopt);
  if (parsed.reply.ok()) {
    state_.counters.end_ok(took_us);
  } else {
    state_.counters.end_failed(Failure::other);
  }
  job.attempts.push_back(
      {{}, parsed.reply.ok() ? "ok" : std::string(core::to_string(parsed.reply.error().code)), took_us});
  (void)job.remote->finish(std::move(parsed.reply), std::move(job.attempts));
  phase_ = Phase::idle;
  ++pool_.shared().idle;
}

void ExecProcess::fail_job(const std::string& message, Failure failure, bool may_try_again) {
  ExecJob job = *std::exchange(job_, std::nullopt);
  state_.counters.end_failed(failure);
  const ErrorCode code = failure == Failure::timeout ? ErrorCode::upstream_timeout : ErrorCode::upstream_error;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job_began_).count();
  job.attempts.push_back({{}, std::string(core::to_string(code)), static_cast<std::uint64_t>(took)});
  if (may_try_again && pool_.shared().settings.idempotent && job.attempts.size() == 1) {
    pool_.put_back(std::move(job));
  } else {
    (void)job.remote->finish(core::Error{code, message}, std::move(job.attempts));
  }
}

void ExecProcess::give_up(const std::string& why, Failure failure) {
  log(LogLevel::warning, named() + ' ' + why + ": it is ended");
  ended_by_request_ = phase_ == Phase::busy;
  if (phase_ == Phase::idle) {
    --pool_.shared().idle;
  } else if (phase_ == Phase::busy) {
    phase_ = Phase::ending;  // so that it is not taken for one that can serve
    fail_job("the target's process " + why, failure, failure != Failure::timeout);
  }
  phase_ = Phase::ending;
  end_life();
  pool_.pump();
}

// Most often it is ending, and how it ended says more.
void ExecProcess::give_up_soon(const std::string& why) {
  if (phase_ != Phase::busy) {
    give_up(why, Failure::reset);
    return;
  }
  soon_.expires_after(kExecGrace);
  soon_.async_wait([this, pool = pool_.shared_from_this(), life = life_, why](const error_code& error) {
    if (!error && life == life_ && phase_ == Phase::busy) give_up(why, Failure::reset);
  });
}

void ExecProcess::end_life() {
  if (phase_ == Phase::idle) --pool_.shared().idle;
  phase_ = Phase::ending;
  if (!life_->has_answered) ++failures_;
  error_code ignored;
  life_->input.close(ignored);
  life_->process.terminate();
  timer_.expires_after(kExecGrace);
  timer_.async_wait([this, pool = pool_.shared_from_this(), life = life_](const error_code& error) {
    if (error || life != life_ || phase_ != Phase::ending) return;
    life->process.kill();
  });
}

// It was reaped.
void ExecProcess::on_ended(const std::string& how) {
  const bool was_asked_to = phase_ == Phase::ending;
  state_.pid = 0;
  log(was_asked_to && stopped_ ? LogLevel::info : LogLevel::warning, named() + " ended with " + how);
  if (!was_asked_to && !life_->has_answered) ++failures_;
  if (phase_ == Phase::idle) --pool_.shared().idle;
  const bool had_job = job_.has_value();
  if (!was_asked_to) ended_by_request_ = had_job;
  phase_ = Phase::down;
  timer_.cancel();
  soon_.cancel();
  const std::shared_ptr<Life> life = std::exchange(life_, nullptr);
  error_code ignored;
  life->input.close(ignored);
  life->output.close(ignored);
  life->errors.close(ignored);
  life->ended.close(ignored);
  if (had_job) fail_job("the target's process ended with " + how, Failure::reset, true);
  restart_later();
  pool_.pump();
}

void ExecProcess::stop() {
  if (std::exchange(stopped_, true)) return;
  if (phase_ == Phase::idle) end_life();
  if (phase_ == Phase::down) timer_.cancel();
}

void ExecProcess::terminate_now() {
  if (life_ == nullptr) return;
  error_code ignored;
  life_->input.close(ignored);
  life_->process.terminate();
}

bool ExecProcess::has_ended() {
  return life_ == nullptr || life_->process.pid() < 0 || life_->process.reap().has_value();
}

}  // namespace semroute::plugins
