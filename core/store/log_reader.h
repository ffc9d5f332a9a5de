// read_log: one segment of the log, group by group, and what to make of its end.
//
// A group counts only whole: its header follows on the group before it, and every record in it holds. Where that fails,
// groups that are whole in themselves are looked for behind it. If one of them names as synced a sequence number
// beyond what was read, then bytes are wrong that were on the disk: damage. If none does, nothing that was synced is
// missing: a torn tail, which a crash leaves.
// Complexity: linear in the file, O(largest record) memory. Threads: pure; the file may be read by others.
// Errors: io_error. Source of the rule: FORMAT.md, "Recovery".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/store/format.h"
#include "core/store/key_table.h"
#include "core/store/store_file.h"

namespace semroute::core {

struct BadPlace {
  std::uint64_t offset = 0;
  std::string problem;
  bool damage = false;  // else a torn tail
};

struct LogEnd {
  std::uint64_t offset = 0;  // of the end of the last group that counts
  std::uint64_t last_sequence = 0;
  std::uint32_t previous_crc = 0;     // for the group that will follow
  std::uint64_t synced_sequence = 0;  // the highest that is named as synced
  std::uint64_t synced_offset = 0;    // where the groups begin that are not named as synced
  std::uint64_t group_count = 0;
  std::optional<BadPlace> bad;  // what is at `offset`, if that is not the file's end
};

// Takes a record of a group that counts; says what is wrong with it.
using RecordVisitor = std::function<Problem(RecordKind kind, std::string_view key, const RecordPlace& place)>;

// `bytes` is the file's size, `header` its checked header.
[[nodiscard]] Result<LogEnd> read_log(const StoreFile& file, std::uint64_t bytes, const FileHeader& header,
                                      const RecordVisitor& visit, const BytesRead& on_read);

// Groups that are whole in themselves, whatever is between them.
struct GroupsFound {
  std::uint64_t group_count = 0;
  std::uint64_t record_count = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t synced_sequence = 0;  // the highest that one of them names
};
[[nodiscard]] Result<GroupsFound> find_groups(const StoreFile& file, std::uint64_t bytes, std::uint64_t salt,
                                              std::uint64_t from);

// Reads and checks a file's first bytes. Errors: damaged; unsupported_version for another version; dimension_mismatch
// where `identity` is given and differs; io_error.
[[nodiscard]] Result<FileHeader> read_file_header(const StoreFile& file, std::uint64_t bytes,
                                                  const std::array<char, 8>& magic,
                                                  const std::optional<StoreIdentity>& identity);

// "PATH is damaged at byte OFFSET: PROBLEM"
[[nodiscard]] Error damaged_at(const StoreFile& file, std::uint64_t offset, std::string_view problem);

}  // namespace semroute::core
