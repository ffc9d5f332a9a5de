// What a store is given, what it tells, and what a change of it is. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "core/base/result.h"
#include "core/store/durability.h"
#include "core/store/format.h"

namespace semroute::core {

struct StoreParams {
  std::string folder;
  std::optional<StoreIdentity> identity;  // none: that of the files, which must be there
  Durability durability = Durability::always;
  std::chrono::milliseconds interval{50};
  bool read_only = false;           // nothing on disk is touched, commits are refused
  std::size_t threads = 1;          // that check a snapshot when it is opened
  bool automatic_snapshots = true;  // by a thread of the store; else the caller asks snapshot_due()
  std::uint64_t segment_bytes = kStoreSegmentBytes;
  std::uint64_t snapshot_min_log_bytes = kSnapshotMinLogBytes;
};

struct StoreChange {
  RecordKind kind = RecordKind::set;  // set makes or replaces a key's chain, append adds to it, erase ends it
  std::string_view key;               // 1..kMaxStoreKeyBytes bytes
  std::span<const std::byte> record;  // at most kMaxStoreRecordBytes; none for erase
};

// All of its changes or none, in order. Sequence numbers rise from batch to batch; gaps are fine.
struct StoreBatch {
  std::uint64_t sequence = 0;
  std::span<const StoreChange> changes;
};

struct CommitOutcome {
  enum class State : std::uint8_t {
    committed,
    refused,  // nothing of it is there, now or after a restart
    unknown,  // the disk did not say: each batch is there whole or not at all after a restart, and until then is not
  };
  State state = State::committed;
  Error error;  // unless committed
  [[nodiscard]] bool ok() const noexcept { return state == State::committed; }
};

// How far opening is: bytes read of those to read.
using StoreProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t all_bytes)>;

struct TornTail {
  std::string file;
  std::uint64_t offset = 0;  // where the log was cut
  std::uint64_t bytes = 0;
  std::string problem;
  bool cut = false;     // else it is only passed over, read_only
  std::string kept_as;  // in the same folder; empty: not cut, or no room to keep it
};

// What opening found and did.
struct RecoveryReport {
  std::string snapshot;  // the file's name; empty: none
  std::uint64_t snapshot_bytes = 0;
  std::uint64_t log_segments = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t key_count = 0;
  std::uint64_t record_count = 0;
  std::uint64_t last_sequence = 0;
  std::optional<TornTail> torn_tail;
  std::vector<std::string> damaged_snapshots;  // that were passed over, each with place and problem
  std::vector<std::string> removed;            // files: leftovers of a crash, and what a newer snapshot replaced
  std::chrono::milliseconds took{0};
  // The same for a person, a line each.
  [[nodiscard]] std::vector<std::string> lines() const;
};

struct StoreBytes {
  std::uint64_t live = 0;       // of the records that count
  std::uint64_t log = 0;        // since the newest snapshot
  std::uint64_t on_disk = 0;    // all logs and snapshots
  std::uint64_t in_memory = 0;  // about, of the table of keys
};

}  // namespace semroute::core
