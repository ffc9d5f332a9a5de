// read_snapshot: a snapshot's records from the first to the last, every byte checked.
//
// Threads read pieces of the file side by side; one at a time judges the headers, keys and order of its records; their
// checksums are then judged side by side again. What is reported is what is wrong first in the file, as if one had read
// it all.
// Complexity: linear in the file, shared by the threads; memory a mebibyte or the largest record a thread. Errors:
// damaged, with the place; those of read_file_header; io_error.
#pragma once

#include <cstdint>
#include <optional>

#include "core/store/log_reader.h"

namespace semroute::core {

// `visit` takes each record, in order and one at a time, by whichever thread has read it, before its checksum is
// judged: what it took is to be forgotten after an error. `on_read` the same.
[[nodiscard]] Result<FileHeader> read_snapshot(const StoreFile& file, std::uint64_t bytes,
                                               const std::optional<StoreIdentity>& identity, const RecordVisitor& visit,
                                               const BytesRead& on_read, std::size_t threads);

}  // namespace semroute::core
