#include "router/changes/change_thread.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/limits.h"
#include "router/changes/route_record.h"
#include "router/changes/thread_priority.h"
#include "router/daemon/log.h"
#include "router/daemon/progress_due.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

// What a group may come to by putting a route's records together: what waits comes on top.
constexpr std::size_t kMostJoinedBytes = core::kMaxStoreRecordBytes / 2;

Error stopped() { return {ErrorCode::unavailable, "the daemon is shutting down"}; }

bool has(const std::vector<std::shared_ptr<const ParkedRoute>>& parked, const ParkedRoute& wanted) {
  return std::ranges::any_of(
      parked, [&](const auto& one) { return one->route->name == wanted.route->name && one->reason == wanted.reason; });
}

}  // namespace

ChangeThread::ChangeThread(std::shared_ptr<const ServiceState> first, std::size_t threads, ChangeJournal* journal,
                           std::unique_ptr<GraphKeeper> graphs, Metrics& metrics, Publish publish)
    : journal_(journal),
      metrics_(metrics),
      publish_(std::move(publish)),
      writer_(threads),
      newest_(std::move(first)),
      graphs_(std::move(graphs)),
      thread_([this] { run(); }) {}

ChangeThread::~ChangeThread() {
  stop();
  join();
}

void ChangeThread::change(std::vector<RouteChange> changes, ChangeDone done) {
  std::size_t bytes = 0;
  for (const RouteChange& one : changes) bytes += one.bytes();
  bool is_stopping = false;
  {
    const std::lock_guard lock(mutex_);
    is_stopping = stopping_;
    const bool is_full = waiting_changes_ >= core::kMaxWaitingChanges ||
                         (waiting_changes_ > 0 && waiting_bytes_ + bytes > core::kMaxWaitingChangeBytes);
    if (!is_stopping && !is_full) {
      waiting_.emplace_back(Change{std::move(changes), bytes, std::move(done)});
      ++waiting_changes_;
      waiting_bytes_ += bytes;
      changed_.notify_all();
      return;
    }
  }
  done({is_stopping ? stopped() : Error{ErrorCode::overloaded, "too many changes are waiting; try again"}});
}

void ChangeThread::load(config::Config config, LoadDone done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      waiting_.emplace_back(Load{std::move(config), std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(stopped());
}

void ChangeThread::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void ChangeThread::join() {
  if (thread_.joinable()) thread_.join();
}

void ChangeThread::run() {
  bool yields = false;
  for (;;) {
    std::vector<Item> taken = take();
    if (taken.empty()) break;
    if (auto* load = std::get_if<Load>(&taken.front())) {
      run_load(*load);
      // From the first table on there are requests.
      if (writer_.newest() != nullptr && !std::exchange(yields, true)) yield_to_requests();
    } else {
      apply(taken);
    }
    tidy_up();
  }
  if (graphs_ != nullptr && writer_.newest() != nullptr)
    graphs_->save_at_end(*writer_.newest()->index, writer_.inserted() + writer_.removed());
  std::deque<Item> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(waiting_);
  }
  for (Item& item : left) {
    if (auto* load = std::get_if<Load>(&item)) load->done(stopped());
    if (auto* change = std::get_if<Change>(&item)) change->done({stopped()});
  }
}

// What need not be done at once.
void ChangeThread::tidy_up() {
  if (writer_.newest() == nullptr) return;
  removals_wait_ = writer_.collect();
  if (graphs_ != nullptr) graphs_->save_if_due(*writer_.newest()->index, writer_.inserted() + writer_.removed());
}

bool ChangeThread::has_to_tidy_up() const {
  return removals_wait_ ||
         (graphs_ != nullptr && writer_.newest() != nullptr && graphs_->is_waiting(*writer_.newest()->index));
}

std::vector<ChangeThread::Item> ChangeThread::take() {
  std::unique_lock lock(mutex_);
  const auto is_due = [this] { return stopping_ || !waiting_.empty(); };
  while (has_to_tidy_up() && !changed_.wait_for(lock, core::kRemovalPoll, is_due)) {
    lock.unlock();
    tidy_up();
    lock.lock();
  }
  changed_.wait(lock, is_due);
  std::vector<Item> taken;
  if (stopping_) return taken;
  while (!waiting_.empty()) {
    const auto* change = std::get_if<Change>(&waiting_.front());
    if (change == nullptr && !taken.empty()) break;
    if (change != nullptr) {
      --waiting_changes_;
      waiting_bytes_ -= change->bytes;
    }
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (std::holds_alternative<Load>(taken.back())) break;
  }
  return taken;
}

// Applies what can be, into the draft; the others have their answers then.
void ChangeThread::accept(std::span<Item> group, std::vector<JournalBatch>& batches) {
  std::uint64_t revision = newest_->revision;
  for (Item& item : group) {
    auto& change = std::get<Change>(item);
    if (writer_.newest() == nullptr) {
      change.answer = {Error{ErrorCode::unavailable, "the daemon is still loading its routes"}};
      continue;
    }
    if (auto done = writer_.apply(change.changes, revision + 1); !done.ok()) {
      change.answer = {done.error()};
      continue;
    }
    ++revision;
    JournalBatch& batch = batches.emplace_back();
    batch.sequence = revision;
    if (journal_ == nullptr) continue;
    for (const RouteChange& one : change.changes) batch.changes.push_back(kept_as(one, revision, batches));
  }
}

// A patch is kept beside the others, until there are so many that all are put together; that waits while one of its
// group is not kept yet. What cannot be read is not touched: the next start says what is wrong with it.
JournalChange ChangeThread::kept_as(const RouteChange& change, std::uint64_t revision,
                                    std::span<const JournalBatch> batches) const {
  JournalChange made = journal_change(change, revision);
  if (made.kind != JournalChange::Kind::append || journal_->record_count(made.key) < core::kMaxRecordsOfRoute)
    return made;
  std::size_t beside_bytes = 0;
  for (const JournalBatch& batch : batches)
    for (const JournalChange& other : batch.changes) {
      if (other.key == made.key) return made;
      beside_bytes += other.record.size();
    }
  std::optional<JournalChange> whole;
  const auto read =
      journal_->read(made.key, [&](std::string_view, std::span<const std::string_view> records) -> Result<void> {
        auto put = joined(made, records, newest_->config.index.dimension);
        if (!put.ok()) return put.error();
        whole = std::move(put).value();
        return {};
      });
  // Where it is larger than a group may be, the chain goes on.
  if (read.ok() && whole) return beside_bytes + whole->record.size() <= kMostJoinedBytes ? std::move(*whole) : made;
  log_line(LogLevel::warning, "what is kept of route \"" + change.name + "\" cannot be put together: " +
                                  (read.ok() ? "it is not there" : read.error().message));
  return made;
}

void ChangeThread::apply(std::span<Item> group) {
  std::vector<JournalBatch> batches;
  accept(group, batches);
  std::optional<ChangeAnswer> failure;
  if (!batches.empty() && journal_ != nullptr) {
    if (auto failed = journal_->commit(batches)) {
      log_line(LogLevel::error, "changes could not be kept: " + failed->error.message);
      failure = ChangeAnswer{failed->error, failed->outcome_unknown, failed->is_lasting};
    }
  }
  if (failure) {
    writer_.abandon();
  } else if (!batches.empty()) {
    const std::uint64_t revision = batches.back().sequence;
    if (!serve(next_service_state(*newest_, writer_.finish(), metrics_, revision)))
      failure = ChangeAnswer{stopped(), journal_ != nullptr};
  }
  // What was refused because of a change that failed afterwards shares its answer.
  bool is_after_failed = false;
  auto accepted = batches.begin();
  for (Item& item : group) {
    auto& change = std::get<Change>(item);
    if (!change.answer) {
      is_after_failed = failure.has_value();
      change.answer = failure ? *failure : ChangeAnswer{accepted->sequence};
      ++accepted;
    } else if (is_after_failed) {
      change.answer = ChangeAnswer{failure->revision.error(), false, failure->is_lasting};
    }
    change.done(*change.answer);
  }
}

void ChangeThread::run_load(Load& load) {
  const auto done = make_loaded(load);
  load.done(done.ok() ? Result<std::uint64_t>(newest_->revision) : Result<std::uint64_t>(done.error()));
}

// A graph of many is built for minutes.
InsertProgress ChangeThread::insert_log(const config::Config& config) const {
  const std::size_t row_bytes = config.index.dimension * sizeof(float);
  std::size_t all = journal_ != nullptr ? static_cast<std::size_t>(journal_->live_bytes()) / row_bytes : 0;
  for (const config::RouteConfig& route : config.routes) all += route.references.values.size() / config.index.dimension;
  return [all, due = ProgressDue()](std::size_t rows) mutable {
    if (!due.now()) return;
    const std::size_t about = std::max(rows, all);
    log_line(LogLevel::info, "making the index: " + std::to_string(rows) + " of about " + std::to_string(about) +
                                 " references, " + std::to_string(100 * rows / std::max<std::size_t>(about, 1)) + " %");
  };
}

Result<void> ChangeThread::make_loaded(Load& load) {
  const bool is_first = writer_.newest() == nullptr;
  const auto before = writer_.newest();
  const bool is_kept = is_first && journal_ != nullptr;
  const auto began = std::chrono::steady_clock::now();
  const std::optional<core::File> graph_file = is_first && graphs_ != nullptr ? graphs_->open() : std::nullopt;
  std::optional<KeptGraph> graph;
  if (graph_file) graph.emplace(KeptGraph{*graph_file});
  auto routing = writer_.load(
      load.config, is_kept ? stored_routes(*journal_, load.config.index.dimension, writer_.threads()) : StoredRoutes(),
      graph ? &*graph : nullptr, is_first ? insert_log(load.config) : InsertProgress());
  if (!routing.ok()) return routing.error();
  if (is_first && graphs_ != nullptr)
    graphs_->loaded(*(*routing)->index, graph ? &*graph : nullptr, writer_.inserted() + writer_.removed(),
                    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began));
  // After every revision that a route was ever given.
  const std::uint64_t last = std::max(newest_->revision, is_kept ? journal_->last_sequence() : 0);
  log_parked(before.get(), **routing);
  if (!serve(build_service_state(std::move(load.config), std::move(routing).value(), *newest_, metrics_, last + 1)))
    return stopped();
  return {};
}

bool ChangeThread::serve(std::shared_ptr<const ServiceState> state) {
  // The older one is let go here rather than by a worker, which has requests to serve.
  const auto older = std::exchange(newest_, state);
  std::unique_lock lock(mutex_);
  const std::uint64_t number = ++published_;
  lock.unlock();
  publish_(std::move(state), [this, number] {
    const std::lock_guard adopted_lock(mutex_);
    adopted_ = number;
    changed_.notify_all();
  });
  lock.lock();
  changed_.wait(lock, [&] { return stopping_ || adopted_ >= number; });
  return adopted_ >= number;
}

void ChangeThread::log_parked(const RoutingState* before, const RoutingState& now) const {
  static const std::vector<std::shared_ptr<const ParkedRoute>> kNone;
  const auto& old = before != nullptr ? before->parked : kNone;
  for (const auto& one : now.parked)
    if (!has(old, *one))
      log_line(LogLevel::warning, "route \"" + one->route->name + "\" of run time is parked: " + one->reason);
  for (const auto& one : old)
    if (now.table.find(one->route->name) &&
        std::ranges::none_of(now.parked, [&](const auto& other) { return other->route->name == one->route->name; }))
      log_line(LogLevel::info, "route \"" + one->route->name + "\" of run time is active again");
}

}  // namespace semroute::router
