// RecordReader: records by their places, checked; ahead in chunks where they lie one after the other, as a snapshot's
// do.
//
// Complexity: linear in the bytes; a call to the operating system a record, or a chunk of 1 MiB.
// Threads: one; the files may be read by others. Errors: damaged, with the place; io_error.
// Lifetime: the files of the places outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/store/key_table.h"
#include "core/store/store_file.h"

namespace semroute::core {

class RecordReader {
 public:
  // The record at `place` into `out`, which has place.bytes; it must be of `key`.
  [[nodiscard]] Result<void> read(const RecordPlace& place, std::string_view key, std::span<std::byte> out);

 private:
  Result<void> read_bytes(const RecordPlace& place, std::span<std::byte> out);

  const StoreFile* file_ = nullptr;
  std::uint64_t next_ = 0;            // where the record before ended
  std::optional<FileWindow> window_;  // of file_, once two records followed on each other
};

}  // namespace semroute::core
