// check_store and repair_store: what an operator does with a store that no daemon has open.
//
// Checking reads everything, also what a start would not: the older snapshot and the log since it must give the same
// as the newest one. It touches nothing. Repairing makes a store that opens again: the log is cut where it is damaged,
// once what is cut off or passed over has been kept aside in files of the same folder (kept_*), and says what is lost.
// Complexity: linear in the files' bytes. Threads: any; the folder is locked meanwhile.
// Errors: unavailable (a program has the folder), not_found (no store there), damaged (repair: nothing of it can be
// read), unsupported_version, those of core/base/file.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/system_calls.h"
#include "core/store/store_params.h"

namespace semroute::core {

struct StoreCheck {
  StoreIdentity identity;
  RecoveryReport recovery;                 // what a start would load; of a damaged log, what comes before the damage
  std::optional<std::string> damage;       // a start refuses this
  bool is_repairable = true;               // of damage: whether repair_store has something to keep
  std::optional<std::string> older_start;  // what is wrong with the older snapshot and its log: no start needs them now
  std::vector<std::string> kept;           // files that were kept aside
  [[nodiscard]] bool ok() const noexcept { return !damage && !older_start && recovery.damaged_snapshots.empty(); }
};
[[nodiscard]] Result<StoreCheck> check_store(const std::string& folder, SystemCalls& calls = real_system_calls(),
                                             const StoreProgress& progress = nullptr);

struct StoreRepair {
  std::vector<std::string> kept;  // copies and files put aside, by their new names
  std::vector<std::string> lost;  // in words; empty: nothing
  RecoveryReport recovery;        // of the store as it is now
};
[[nodiscard]] Result<StoreRepair> repair_store(const std::string& folder, SystemCalls& calls = real_system_calls(),
                                               const StoreProgress& progress = nullptr);

}  // namespace semroute::core
