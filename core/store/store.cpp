#include "core/store/store.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/check.h"
#include "core/store/file_names.h"

namespace semroute::core {
namespace {

Result<void> remove_all(const Folder& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto removed = folder.remove(name); !removed) return removed;
  return {};
}

CommitOutcome refused(Error error) { return {CommitOutcome::State::refused, std::move(error)}; }

}  // namespace

Store::Store(StoreParams params, SystemCalls& calls)
    : params_(std::move(params)), folder_(params_.folder, calls), calls_(calls) {}

Result<std::unique_ptr<Store>> Store::open(const StoreParams& params, SystemCalls& calls,
                                           const StoreProgress& progress) {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_ptr<Store> store(new Store(params, calls));
  if (const auto locked = store->lock(); !locked) return locked.error();
  if (const auto recovered = store->recover(progress); !recovered) return recovered.error();
  store->report_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  if (params.read_only) return store;
  Store* const self = store.get();
  if (params.durability == Durability::interval) store->sync_thread_ = std::thread([self] { self->run_syncs(); });
  if (params.automatic_snapshots) store->snapshot_thread_ = std::thread([self] { self->run_snapshots(); });
  return store;
}

Store::~Store() {
  {
    const std::lock_guard state(state_mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (sync_thread_.joinable()) sync_thread_.join();
  if (snapshot_thread_.joinable()) snapshot_thread_.join();
  mark_end();
}

Result<void> Store::lock() {
  if (!params_.read_only) {
    if (auto created = folder_.create(); !created) return created;
  }
  auto file = folder_.open(kLockName, params_.read_only ? OpenMode::read : OpenMode::lock);
  if (!file) {
    // Nobody has ever opened it for writing.
    if (params_.read_only && file.error().code == ErrorCode::not_found) return {};
    return file.error();
  }
  lock_.emplace(std::move(*file));
  auto locked = lock_->lock(!params_.read_only);
  if (!locked && locked.error().code == ErrorCode::unavailable)
    return Error{ErrorCode::unavailable, folder_.path() + " is in use: another program has locked " + lock_->path()};
  return locked;
}

Result<void> Store::recover(const StoreProgress& progress) {
  const auto names = folder_.names();
  if (!names) return names.error();
  const StoreFiles files = sort_files(*names);
  if (files.empty()) {
    if (params_.read_only || !params_.identity)
      return Error{ErrorCode::not_found, "there is no store in " + folder_.path()};
    if (auto removed = remove_all(folder_, files.leftovers); !removed) return removed;
    report_.removed = files.leftovers;
    return begin_empty();
  }
  auto recovered = StoreReader(folder_, files, params_.identity, progress, params_.threads).read_newest();
  if (!recovered) return recovered.error();
  if (!params_.read_only) {
    if (auto settled = settle(folder_, files, *recovered); !settled) return settled;
  }
  return take(std::move(*recovered), files);
}

Result<FileHeader> Store::new_header(const std::array<char, 8>& magic, std::uint64_t number) {
  const auto salt = random_salt(calls_);
  if (!salt) return salt.error();
  return sealed(file_header(magic, identity_, number, *salt, last_sequence_));
}

Result<void> Store::begin_empty() {
  identity_ = *params_.identity;
  const auto header = new_header(kLogMagic, 1);
  if (!header) return header.error();
  const auto segment = make_segment(folder_, *header);
  if (!segment) return segment.error();
  if (auto published = publish_segment(folder_, *segment); !published) return published;
  if (auto synced = folder_.sync_above(); !synced) return synced;
  log_.emplace(*segment);
  log_file_ = log_->file();
  table_.add_file(log_file_);
  logs_ = {{1, log_->bytes()}};
  return {};
}

Result<void> Store::take(Recovered recovered, const StoreFiles& files) {
  identity_ = recovered.identity;
  report_ = std::move(recovered.report);
  table_ = std::move(recovered.table);
  last_sequence_ = synced_sequence_ = recovered.last_sequence;
  if (params_.read_only) return {};
  marked_sequence_ = recovered.end.synced_sequence;
  log_file_ = recovered.last_log;
  table_.add_file(log_file_);
  log_.emplace(log_file_, recovered.last_header, recovered.end);
  const auto removed = [&](const std::string& name) {
    return std::ranges::find(report_.removed, name) != report_.removed.end();
  };
  const auto note = [&](std::uint64_t number, const std::string& name, std::vector<FileBytes>& into) -> Result<void> {
    if (removed(name)) return {};
    const auto file = folder_.open(name, OpenMode::read);
    if (!file) return file.error();
    const auto bytes = file->bytes();
    if (!bytes) return bytes.error();
    into.push_back({number, *bytes});
    return {};
  };
  for (const std::uint64_t number : files.logs)
    if (auto noted = note(number, log_name(number), logs_); !noted) return noted;
  for (const std::uint64_t number : files.snapshots) {
    if (number > recovered.base) continue;  // damaged, and put aside
    if (auto noted = note(number, snapshot_name(number), snapshots_); !noted) return noted;
  }
  // Nothing was committed since the snapshot, or some was: either way this is where its log begins.
  snapshot_sequence_ = recovered.base_sequence;
  return {};
}

KeyView Store::view_all() const {
  const std::lock_guard state(state_mutex_);
  return table_.view();
}

Result<void> Store::read_all(const ChainVisitor& visit) const { return read_chains(view_all(), visit); }

Result<void> Store::read_all_beside(const ChainWork& work, std::size_t threads) const {
  return read_chains(view_all(), work, threads);
}

Result<void> Store::read(std::string_view key, const ChainVisitor& visit) const {
  KeyView view;
  {
    const std::lock_guard state(state_mutex_);
    view = table_.view(key);
  }
  return read_chains(view, visit);
}

std::size_t Store::record_count(std::string_view key) const {
  const std::lock_guard state(state_mutex_);
  return table_.record_count(key);
}

std::uint64_t Store::last_sequence() const {
  const std::lock_guard state(state_mutex_);
  return last_sequence_;
}

std::string Store::read_only_reason() const {
  const std::lock_guard state(state_mutex_);
  return params_.read_only ? "it was opened for reading alone" : read_only_;
}

StoreBytes Store::bytes() const {
  const std::lock_guard state(state_mutex_);
  StoreBytes bytes;
  bytes.live = table_.live_bytes();
  bytes.log = log_bytes_locked();
  for (const FileBytes& file : logs_) bytes.on_disk += file.bytes;
  for (const FileBytes& file : snapshots_) bytes.on_disk += file.bytes;
  bytes.in_memory = table_.memory_bytes();
  return bytes;
}

std::optional<Error> Store::refusal(std::span<const StoreBatch> batches) const {
  const std::lock_guard state(state_mutex_);
  if (params_.read_only) return Error{ErrorCode::unavailable, folder_.path() + " was opened for reading alone"};
  if (!read_only_.empty()) return Error{ErrorCode::unavailable, "read-only since: " + read_only_};
  std::map<std::string_view, bool> changed;  // whether a key is there after the changes so far
  std::uint64_t sequence = last_sequence_;
  std::uint64_t bytes = 0;
  for (const StoreBatch& batch : batches) {
    if (batch.sequence <= sequence) return Error{ErrorCode::internal, "a batch's sequence number was there before"};
    sequence = batch.sequence;
    for (const StoreChange& change : batch.changes) {
      if (change.key.empty() || change.key.size() > kMaxStoreKeyBytes)
        return Error{ErrorCode::bad_request, "a key must have 1.." + std::to_string(kMaxStoreKeyBytes) + " bytes"};
      if (change.kind == RecordKind::erase && !change.record.empty())
        return Error{ErrorCode::bad_request, "an erasing change has a record"};
      if (change.record.size() > kMaxStoreRecordBytes)
        return Error{ErrorCode::too_large, "a record has " + std::to_string(change.record.size()) + " bytes, at most " +
                                               std::to_string(kMaxStoreRecordBytes)};
      bytes += change.record.size() + change.key.size() + sizeof(RecordHeader) + 8;
      if (bytes > kMaxStoreGroupBytes)
        return Error{ErrorCode::too_large,
                     "more than " + std::to_string(kMaxStoreGroupBytes) + " bytes are to be committed at once"};
      const auto known = changed.find(change.key);
      const bool there = known == changed.end() ? table_.has(change.key) : known->second;
      if (change.kind == RecordKind::append && !there)
        return Error{ErrorCode::bad_request, "a record is appended to a key that is not there"};
      changed[change.key] = change.kind != RecordKind::erase;
    }
  }
  return std::nullopt;
}

CommitOutcome Store::commit(std::span<const StoreBatch> batches) {
  if (batches.empty()) return {};
  const std::lock_guard commit_lock(commit_mutex_);
  if (auto error = refusal(batches)) return refused(std::move(*error));
  auto outcome = commit_locked(batches);
  // What the caller passes on; the message says what it was.
  if (!outcome.ok()) outcome.error.code = ErrorCode::unavailable;
  if (outcome.ok()) changed_.notify_all();
  return outcome;
}

CommitOutcome Store::commit_locked(std::span<const StoreBatch> batches) {
  if (log_->bytes() > sizeof(FileHeader) && log_->bytes() >= params_.segment_bytes) {
    if (auto rotated = rotate(); !rotated) return refused(rotated.error());
  }
  std::uint64_t synced = 0;
  {
    const std::lock_guard state(state_mutex_);
    synced = synced_sequence_;
  }
  if (auto appended = log_->append(batches, synced, 0); !appended) {
    if (log_->broken()) become_read_only(appended.error());
    return refused(appended.error());
  }
  marked_sequence_ = synced;
  if (params_.durability == Durability::always) {
    if (auto done = log_->sync(); !done) {
      become_read_only(done.error());
      return {CommitOutcome::State::unknown, done.error()};
    }
  }
  apply(batches);
  return {};
}

void Store::apply(std::span<const StoreBatch> batches) {
  const std::lock_guard state(state_mutex_);
  auto place = log_->places().begin();
  for (const StoreBatch& batch : batches)
    for (const StoreChange& change : batch.changes) table_.apply(change.kind, change.key, *place++);
  last_sequence_ = batches.back().sequence;
  if (params_.durability == Durability::always) synced_sequence_ = last_sequence_;
  logs_.back().bytes = log_->bytes();
}

void Store::become_read_only(const Error& error) {
  const std::lock_guard state(state_mutex_);
  if (read_only_.empty()) read_only_ = error.message;
}

// Seals the segment and begins the next.
Result<void> Store::rotate() {
  std::uint64_t number = 0;
  {
    const std::lock_guard state(state_mutex_);
    number = logs_.back().number + 1;
  }
  if (auto synced = log_->sync(); !synced) {
    become_read_only(synced.error());
    return synced;
  }
  const auto header = new_header(kLogMagic, number);
  if (!header) return header.error();
  const auto segment = make_segment(folder_, *header);
  if (!segment) return segment.error();
  if (auto published = publish_segment(folder_, *segment); !published) {
    become_read_only(published.error());  // it may be there after a restart, and then the old one has ended
    return published;
  }
  log_.emplace(*segment);
  const std::lock_guard state(state_mutex_);
  log_file_ = log_->file();
  table_.add_file(log_file_);
  logs_.push_back({number, log_->bytes()});
  marked_sequence_ = synced_sequence_ = last_sequence_;
  return {};
}

// So that damage to what was committed last is told from a torn tail at the next start.
void Store::mark_end() {
  if (!log_ || !read_only_.empty() || log_->broken() || marked_sequence_ == last_sequence_) return;
  if (synced_sequence_ != last_sequence_ && !log_->sync()) return;
  if (log_->append({}, last_sequence_, last_sequence_)) (void)log_->sync();
}

}  // namespace semroute::core
