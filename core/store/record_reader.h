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
#include <vector>

#include "core/store/key_table.h"
#include "core/store/store_file.h"

namespace semroute::core {

class RecordReader {
 public:
  // The record at `place`, which must be of `key`. Lives until the next call; begins at a multiple of 8.
  [[nodiscard]] Result<std::span<const std::byte>> view(const RecordPlace& place, std::string_view key);
  // The record at `place` into `out`, which has place.bytes; it must be of `key`.
  [[nodiscard]] Result<void> read(const RecordPlace& place, std::string_view key, std::span<std::byte> out);

 private:
  // Those read ahead, or as many as `out`, or a buffer of its own, has.
  Result<std::span<const std::byte>> bytes_at(const RecordPlace& place, std::optional<std::span<std::byte>> out);

  const StoreFile* file_ = nullptr;
  std::uint64_t next_ = 0;            // where the record before ended
  std::optional<FileWindow> window_;  // of file_, once two records followed on each other
  std::vector<std::byte> buffer_;
};

}  // namespace semroute::core
