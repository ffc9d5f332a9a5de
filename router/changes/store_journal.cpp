#include "router/changes/store_journal.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "router/changes/model_stamp.h"
#include "router/daemon/log.h"
#include "router/daemon/progress_due.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kMostThreads = 8;  // that check and read what is kept: then memory has no more to give

core::StoreProgress progress_log(const std::string& folder) {
  return [folder, due = ProgressDue()](std::uint64_t done, std::uint64_t all) mutable {
    if (!due.now()) return;
    log_line(LogLevel::info, "reading " + folder + ": " + std::to_string(done / 1'000'000) + " of " +
                                 std::to_string(all / 1'000'000) + " MB");
  };
}

// A Visit or a Work for what a store reads.
template <class Words>
auto of_words(const Words& words) {
  return [&words](std::string_view key, std::span<const std::span<const std::byte>> chain) {
    std::vector<std::string_view> records;
    records.reserve(chain.size());
    for (const auto record : chain) records.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
    return words(key, records);
  };
}

}  // namespace

Result<std::unique_ptr<StoreJournal>> StoreJournal::open(const config::Config& config,
                                                         const JournalParams& journal_params) {
  core::StoreParams params;
  params.folder = *config.data_dir;
  params.identity = core::StoreIdentity{static_cast<std::uint32_t>(config.index.dimension),
                                        std::string(core::to_string(config.index.metric))};
  params.durability = config.store.durability;
  params.interval = std::chrono::duration_cast<std::chrono::milliseconds>(config.store.interval);
  params.read_only = journal_params.read_only;
  params.threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  params.segment_bytes = journal_params.segment_bytes;
  params.snapshot_min_log_bytes = journal_params.snapshot_min_log_bytes;
  auto store = core::Store::open(params, journal_params.calls, progress_log(params.folder));
  if (!store.ok()) return store.error();
  const core::RecoveryReport& report = (*store)->recovery();
  const std::vector<std::string> lines = report.lines();
  for (std::size_t i = 0; i < lines.size(); ++i)
    log_line(i == 0 ? LogLevel::info : LogLevel::warning, params.folder + ": " + lines[i]);
  // After the folder is locked.
  const core::Folder folder(params.folder, journal_params.calls);
  if (auto stamped = check_model(folder, config.index.model, params.read_only); !stamped.ok()) return stamped.error();
  return std::unique_ptr<StoreJournal>(new StoreJournal(std::move(store).value(), params.read_only));
}

std::optional<JournalFailure> StoreJournal::commit(std::span<const JournalBatch> batches) {
  if (read_only_)
    return JournalFailure{
        .error = {ErrorCode::unavailable, "this daemon was started with --read-only: it takes no changes of routes"},
        .is_lasting = true};
  std::vector<std::vector<core::StoreChange>> changes;
  std::vector<core::StoreBatch> group;
  changes.reserve(batches.size());
  for (const JournalBatch& batch : batches) {
    std::vector<core::StoreChange>& some = changes.emplace_back();
    for (const JournalChange& change : batch.changes)
      some.push_back({.kind = change.kind,
                      .key = change.key,
                      .record = std::as_bytes(std::span(change.record.data(), change.record.size()))});
    group.push_back({.sequence = batch.sequence, .changes = some});
  }
  const core::CommitOutcome outcome = store_->commit(group);
  report_snapshots();
  if (outcome.ok()) return std::nullopt;
  const ErrorCode code = outcome.error.code == ErrorCode::too_large ? ErrorCode::too_large : ErrorCode::unavailable;
  return JournalFailure{.error = {code, outcome.error.message},
                        .outcome_unknown = outcome.state == core::CommitOutcome::State::unknown,
                        .is_lasting = !store_->read_only_reason().empty()};
}

// A snapshot that cannot be written costs space, not changes: it is said once.
void StoreJournal::report_snapshots() {
  const auto error = store_->snapshot_error();
  const std::string problem = error ? error->message : "";
  if (problem != std::exchange(snapshot_problem_, problem) && !problem.empty())
    log_line(LogLevel::warning, "no snapshot could be written, the log stays: " + problem);
}

Result<void> StoreJournal::read_all(const Visit& visit) { return store_->read_all(of_words(visit)); }

Result<void> StoreJournal::read_all_beside(const Work& work, std::size_t threads) {
  return store_->read_all_beside(of_words(work), std::min(threads, kMostThreads));
}

Result<void> StoreJournal::read(std::string_view key, const Visit& visit) { return store_->read(key, of_words(visit)); }

}  // namespace semroute::router
