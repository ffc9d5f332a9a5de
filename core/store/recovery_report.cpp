#include "core/store/store_params.h"

namespace semroute::core {

std::vector<std::string> RecoveryReport::lines() const {
  std::vector<std::string> lines;
  std::string loaded = std::to_string(key_count) + " keys with " + std::to_string(record_count) + " records, up to " +
                       std::to_string(last_sequence) + ", in " + std::to_string(took.count()) + " ms: ";
  loaded += snapshot.empty() ? "no snapshot" : snapshot + " (" + std::to_string(snapshot_bytes) + " bytes)";
  loaded += " and " + std::to_string(log_segments) + " log segments (" + std::to_string(log_bytes) + " bytes)";
  lines.push_back(std::move(loaded));
  if (torn_tail) {
    std::string tail = torn_tail->file + " had a torn tail of " + std::to_string(torn_tail->bytes) +
                       " bytes from byte " + std::to_string(torn_tail->offset) + " on (" + torn_tail->problem + "): ";
    tail += torn_tail->cut ? "cut" : "passed over";
    if (torn_tail->cut) {
      tail += torn_tail->kept_as.empty() ? ", with no room to keep it aside" : ", and kept as " + torn_tail->kept_as;
    }
    lines.push_back(std::move(tail));
  }
  for (const std::string& one : damaged_snapshots) lines.push_back("passed over: " + one);
  for (const std::string& one : removed) lines.push_back("removed: " + one);
  return lines;
}

}  // namespace semroute::core
