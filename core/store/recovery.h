// Reading a store's folder: the newest snapshot that is whole, then the log since; and settling what a crash left.
//
// Reading touches nothing. Settling makes the folder one that commits can go on in: leftovers of a crash removed, a
// torn tail kept aside and cut, the tail that may never have reached the disk written again and synced (a page whose
// sync failed counts as clean in memory, so that a sync alone would not write it), damaged snapshots put aside, and
// files removed that newer ones replaced. A crash while settling leaves a folder that is settled the same way.
// Complexity: linear in the bytes read. Threads: of its own, for a large snapshot. Errors: damaged,
// unsupported_version, dimension_mismatch, not_found (nothing there), those of core/base/file.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/store/file_names.h"
#include "core/store/key_table.h"
#include "core/store/log_reader.h"
#include "core/store/store_params.h"

namespace semroute::core {

// Where a log stops making sense that was not torn there.
struct LogDamage {
  std::uint64_t number = 0;  // of the segment; it may be missing
  std::uint64_t offset = 0;  // where its good groups end; 0: nothing of it can be used
  Error error;
};

struct Recovered {
  KeyTable table;
  StoreIdentity identity;
  std::uint64_t base = 0;           // the snapshot read; 0: none
  std::uint64_t base_sequence = 0;  // the last one in it
  std::uint64_t last_sequence = 0;
  std::vector<std::shared_ptr<StoreFile>> logs;  // read, oldest first; with the last one the log goes on
  std::shared_ptr<StoreFile> last_log;           // the last one again, open for writing once it is settled
  std::uint64_t last_log_bytes = 0;
  FileHeader last_header;
  LogEnd end;                                    // of the last log
  std::optional<LogDamage> damage;               // what came before it is in the table
  std::vector<std::uint64_t> damaged_snapshots;  // newer than the one read
  RecoveryReport report;
};

class StoreReader {
 public:
  // `threads` check a snapshot; `progress` is told by one at a time.
  StoreReader(const Folder& folder, StoreFiles files, std::optional<StoreIdentity> identity, StoreProgress progress,
              std::size_t threads = 1)
      : folder_(folder),
        files_(std::move(files)),
        identity_(std::move(identity)),
        progress_(std::move(progress)),
        threads_(threads) {}

  // From the newest snapshot that is whole. Damage of the log is an error, unless it `may_be_damaged`.
  [[nodiscard]] Result<Recovered> read_newest(bool may_be_damaged = false);
  // From one snapshot, or from the log alone (0). Damage of the log is in Recovered::damage.
  [[nodiscard]] Result<Recovered> read_from(std::uint64_t base);

 private:
  Result<void> read_base(std::uint64_t base, Recovered& into);
  Result<void> read_logs(std::uint64_t first, Recovered& into);
  Result<bool> read_segment(std::uint64_t number, bool last, Recovered& into);
  Result<void> count_bytes(std::uint64_t base);
  BytesRead counted();

  const Folder& folder_;
  StoreFiles files_;
  std::optional<StoreIdentity> identity_;
  StoreProgress progress_;
  std::size_t threads_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t all_bytes_ = 0;
};

// Makes the folder fit for commits. What was done is added to recovered.report.
[[nodiscard]] Result<void> settle(const Folder& folder, const StoreFiles& files, Recovered& recovered);

// Copies the file's bytes from `offset` on into a new file of the folder, synced. Nothing is left when that fails.
[[nodiscard]] Result<void> keep_aside(const Folder& folder, const StoreFile& file, std::uint64_t offset,
                                      std::string_view kept);

// The logs and snapshots that are no longer needed beside `snapshots` of which the newest two are kept, with the log
// since the older one; ascending.
[[nodiscard]] std::vector<std::string> replaced_files(const std::vector<std::uint64_t>& logs,
                                                      const std::vector<std::uint64_t>& snapshots);

}  // namespace semroute::core
