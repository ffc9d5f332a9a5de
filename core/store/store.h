// Store: keys and opaque records in a folder, that survive a crash, a power cut and a full disk.
//
// A write-ahead log, and snapshots of what is alive beside it (FORMAT.md). Each key has a chain of records: one `set`
// and those appended since. Values stay on disk; in memory is where they lie (key_table.h).
// 1. What commit() called committed is there after any crash of the program, and after a power cut as the durability
//    promises. 2. A batch is there whole or not at all. 3. Bytes that are not what was written are never taken for it.
// Complexity: commit is linear in its bytes, and one sync under Durability::always; open is linear in the bytes read.
// Threads: commit() by one at a time, also beside write_snapshot(); everything else by any. A sync thread runs under
// Durability::interval and a snapshot thread where automatic_snapshots is set.
// Errors of open: unavailable (another has the folder), damaged (with file and byte), unsupported_version,
// dimension_mismatch, cannot_create (no permission, a read-only file system), not_found (read_only, and nothing
// there), resource_exhausted (no room), io_error.
// Lifetime: the destructor syncs what was committed and marks it as synced, whatever the durability; the SystemCalls
// outlive the store.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/base/system_calls.h"
#include "core/store/key_table.h"
#include "core/store/log_writer.h"
#include "core/store/read_chains.h"
#include "core/store/recovery.h"
#include "core/store/snapshot.h"
#include "core/store/store_params.h"

namespace semroute::core {

class Store {
 public:
  // Locks the folder, made if it is not there (the one above must be), and recovers.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const StoreParams& params,
                                                           SystemCalls& calls = real_system_calls(),
                                                           const StoreProgress& progress = nullptr);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  [[nodiscard]] const RecoveryReport& recovery() const noexcept { return report_; }
  [[nodiscard]] const StoreIdentity& identity() const noexcept { return identity_; }

  // Every key with its chain, ordered bytewise, as of the call. Records are checked as they are read; the spans live
  // until `visit` returns, and their values begin at multiples of 8. Ends with the first error, also of `visit`.
  using ChainVisitor = core::ChainVisitor;
  [[nodiscard]] Result<void> read_all(const ChainVisitor& visit) const;
  // The same by `threads`: `work` is called by several at once, what it returns in the order of keys, one at a time.
  using ChainRest = core::ChainRest;
  using ChainWork = core::ChainWork;
  [[nodiscard]] Result<void> read_all_beside(const ChainWork& work, std::size_t threads) const;
  // The same for one key; nothing is visited when it is not there.
  [[nodiscard]] Result<void> read(std::string_view key, const ChainVisitor& visit) const;
  [[nodiscard]] std::size_t record_count(std::string_view key) const;  // of its chain; 0: no such key

  // Of everything ever committed, also of keys that were erased.
  [[nodiscard]] std::uint64_t last_sequence() const;

  // The batches as one group; their sequence numbers rise, above last_sequence(). Refused as a whole: `unavailable`
  // (no room, read-only since a failed sync), `too_large`, `bad_request` (append to a key that is not there, a key of
  // no or too many bytes), `internal` (sequence numbers that do not rise).
  [[nodiscard]] CommitOutcome commit(std::span<const StoreBatch> batches);

  // Why nothing can be committed any more; empty: it can.
  [[nodiscard]] std::string read_only_reason() const;

  // A snapshot as of now, beside commits, and the removal of what it replaces. Nothing new: nothing is done.
  [[nodiscard]] Result<void> write_snapshot();
  [[nodiscard]] bool snapshot_due() const;
  // What became of the last automatic snapshot, when that is an error.
  [[nodiscard]] std::optional<Error> snapshot_error() const;

  [[nodiscard]] StoreBytes bytes() const;

 private:
  struct FileBytes {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
  };

  Store(StoreParams params, SystemCalls& calls);
  Result<void> lock();
  Result<void> recover(const StoreProgress& progress);
  Result<void> begin_empty();
  Result<void> take(Recovered recovered, const StoreFiles& files);
  Result<FileHeader> new_header(const std::array<char, 8>& magic, std::uint64_t number);

  [[nodiscard]] KeyView view_all() const;
  std::optional<Error> refusal(std::span<const StoreBatch> batches) const;
  CommitOutcome commit_locked(std::span<const StoreBatch> batches);
  void apply(std::span<const StoreBatch> batches);
  void become_read_only(const Error& error);
  Result<void> rotate();
  void mark_end();
  Result<FileHeader> seal(KeyView& view);
  void install(const KeyView& view, const WrittenSnapshot& snapshot, const FileHeader& header);
  std::uint64_t log_bytes_locked() const;
  bool snapshot_due_locked() const;
  void run_syncs();
  void run_snapshots();

  const StoreParams params_;
  const Folder folder_;
  SystemCalls& calls_;
  std::optional<File> lock_;
  StoreIdentity identity_;
  RecoveryReport report_;

  std::mutex snapshot_mutex_;  // one snapshot at a time; taken first
  std::mutex commit_mutex_;    // the log; taken before state_mutex_
  std::optional<LogWriter> log_;
  std::uint64_t marked_sequence_ = 0;  // the last one that the log names as synced

  mutable std::mutex state_mutex_;  // what follows; held for short
  std::condition_variable changed_;
  mutable KeyTable table_;  // a view is counted
  std::uint64_t last_sequence_ = 0;
  std::uint64_t synced_sequence_ = 0;
  std::shared_ptr<StoreFile> log_file_;  // log_'s
  std::vector<FileBytes> logs_;          // ascending; the last is log_'s
  std::vector<FileBytes> snapshots_;     // ascending
  std::uint64_t snapshot_sequence_ = 0;  // of the newest snapshot
  std::uint64_t retry_log_bytes_ = 0;    // no automatic snapshot before the log is that long
  std::string read_only_;
  std::optional<Error> snapshot_error_;
  bool closing_ = false;

  std::thread sync_thread_;
  std::thread snapshot_thread_;
};

}  // namespace semroute::core
