// Snapshots: the live chains of one moment in one file, written beside commits (read by snapshot_reader.h).
//
// A snapshot has the records of the log as they are, checksums included, chain after chain in the order of the keys.
// It is written under its name with `.new`, synced, read back and checked, renamed, and the folder synced: what has
// the name is whole.
// Complexity: linear in the live bytes; O(largest record) memory, and a place a record.
// Threads: pure functions of immutable files. Errors: those of core/base/file.h; damaged, with the place.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/file.h"
#include "core/store/format.h"
#include "core/store/key_table.h"

namespace semroute::core {

struct WrittenSnapshot {
  std::shared_ptr<StoreFile> file;
  std::uint64_t bytes = 0;
  std::vector<std::vector<RecordPlace>> copies;  // of view.chains[i]
};

// `header` has number, salt, identity and base sequence; the rest is filled in. On an error nothing is left but perhaps
// the file with `.new`.
[[nodiscard]] Result<WrittenSnapshot> write_snapshot_file(const Folder& folder, FileHeader header, const KeyView& view);

}  // namespace semroute::core
