// The part of Store that goes on beside commits: snapshots, and syncs under Durability::interval.
#include <algorithm>

#include "core/store/file_names.h"
#include "core/store/store.h"

namespace semroute::core {
namespace {

constexpr std::size_t kChainsMovedAtOnce = 4'096;  // commits wait for so many at most

}  // namespace

std::uint64_t Store::log_bytes_locked() const {
  const std::uint64_t newest = snapshots_.empty() ? 0 : snapshots_.back().number;
  std::uint64_t bytes = 0;
  for (const FileBytes& log : logs_)
    if (log.number >= newest) bytes += log.bytes;
  return bytes;
}

bool Store::snapshot_due_locked() const {
  if (params_.read_only || !read_only_.empty()) return false;
  const std::uint64_t live = table_.live_bytes() / 100 * kSnapshotLogPercent;
  return log_bytes_locked() > std::max({params_.snapshot_min_log_bytes, live, retry_log_bytes_});
}

bool Store::snapshot_due() const {
  const std::lock_guard state(state_mutex_);
  return snapshot_due_locked();
}

std::optional<Error> Store::snapshot_error() const {
  const std::lock_guard state(state_mutex_);
  return snapshot_error_;
}

// The header of a snapshot of all that was committed, and the view to copy. The log goes on in a segment of its number.
Result<FileHeader> Store::seal(KeyView& view) {
  const std::lock_guard commit_lock(commit_mutex_);
  std::uint64_t number = 0;
  {
    const std::lock_guard state(state_mutex_);
    if (!read_only_.empty()) return Error{ErrorCode::unavailable, "read-only since: " + read_only_};
    number = logs_.back().number;
  }
  // A segment that nothing was written to serves, as after a snapshot that failed.
  if (log_->bytes() > sizeof(FileHeader)) {
    if (const auto rotated = rotate(); !rotated) return rotated.error();
    ++number;
  }
  const std::lock_guard state(state_mutex_);
  view = table_.view();
  return new_header(kSnapshotMagic, number);
}

Result<void> Store::write_snapshot() {
  if (params_.read_only) return Error{ErrorCode::unavailable, folder_.path() + " was opened for reading alone"};
  const std::lock_guard snapshot_lock(snapshot_mutex_);
  if (last_sequence() == snapshot_sequence_) return {};
  KeyView view;
  const auto header = seal(view);
  if (!header) return header.error();
  const auto snapshot = write_snapshot_file(folder_, *header, view);
  if (!snapshot) {
    (void)folder_.remove(snapshot_name(header->number) + std::string(kNewEnding));  // else the next start does it
    return snapshot.error();
  }
  install(view, *snapshot, *header);
  return {};
}

void Store::install(const KeyView& view, const WrittenSnapshot& snapshot, const FileHeader& header) {
  {
    const std::lock_guard state(state_mutex_);
    table_.add_file(snapshot.file);
  }
  for (std::size_t begin = 0; begin < view.chains.size(); begin += kChainsMovedAtOnce) {
    const std::size_t end = std::min(begin + kChainsMovedAtOnce, view.chains.size());
    const std::lock_guard state(state_mutex_);
    table_.move_to(view, snapshot.copies, begin, end);
  }
  std::vector<std::string> replaced;
  {
    const std::lock_guard state(state_mutex_);
    snapshots_.push_back({header.number, snapshot.bytes});
    snapshot_sequence_ = header.base_sequence;
    std::vector<std::uint64_t> logs;
    std::vector<std::uint64_t> snapshots;
    for (const FileBytes& log : logs_) logs.push_back(log.number);
    for (const FileBytes& one : snapshots_) snapshots.push_back(one.number);
    replaced = replaced_files(logs, snapshots);
    const std::uint64_t oldest = snapshots.size() < 2 ? 0 : snapshots[snapshots.size() - 2];
    std::erase_if(logs_, [&](const FileBytes& log) { return log.number < oldest; });
    std::erase_if(snapshots_, [&](const FileBytes& one) { return one.number < oldest; });
    table_.release_files(log_file_.get());
  }
  // What cannot be removed now is by the next start.
  for (const std::string& name : replaced) (void)folder_.remove(name);
  if (!replaced.empty()) (void)folder_.sync();
}

void Store::run_snapshots() {
  std::unique_lock state(state_mutex_);
  while (!closing_) {
    changed_.wait(state, [&] { return closing_ || snapshot_due_locked(); });
    if (closing_) return;
    const std::uint64_t log_bytes = log_bytes_locked();
    state.unlock();
    const auto written = write_snapshot();
    state.lock();
    snapshot_error_ = written ? std::nullopt : std::optional(written.error());
    retry_log_bytes_ = written ? 0 : log_bytes + params_.snapshot_min_log_bytes;
  }
}

void Store::run_syncs() {
  std::unique_lock state(state_mutex_);
  while (!closing_ && read_only_.empty()) {
    changed_.wait(state, [&] { return closing_ || last_sequence_ > synced_sequence_; });
    changed_.wait_for(state, params_.interval, [&] { return closing_; });
    if (closing_) return;
    const auto file = log_file_;
    const std::uint64_t written = last_sequence_;
    state.unlock();
    const auto synced = file->file.sync();
    state.lock();
    if (synced) {
      synced_sequence_ = std::max(synced_sequence_, written);
    } else if (read_only_.empty()) {
      read_only_ = synced.error().message;
    }
  }
}

}  // namespace semroute::core
