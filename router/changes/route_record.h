// Route records: what a ChangeJournal keeps of changes, and run-time routes made of them again (FORMAT.md).
//
// A chain is the record of a put and those of the patches since. Vectors are kept bit for bit as they were given.
// Complexity: linear in the records. Threads: pure functions.
// Errors of reading: bad_request, with the byte at which a record makes no sense. Whatever the bytes, nothing is
// allocated that they do not pay for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "router/changes/change_journal.h"
#include "router/changes/route_change.h"
#include "router/routes/table_writer.h"

namespace semroute::router {

// `version` is the revision that the change makes.
[[nodiscard]] JournalChange journal_change(const RouteChange& change, std::uint64_t version);

// The route that the records of `key` make, one after another, in an index of `dimension`.
// Errors also: dimension_mismatch.
[[nodiscard]] core::Result<StoredRoute> replay(std::string_view key, std::span<const std::string_view> records,
                                               std::size_t dimension);

// What `patch`, made by journal_change(), leaves of the key's records, as one that takes the place of all.
[[nodiscard]] core::Result<JournalChange> joined(const JournalChange& patch, std::span<const std::string_view> records,
                                                 std::size_t dimension);

// Every run-time route that a journal keeps, read by `threads`. The error names the route.
[[nodiscard]] StoredRoutes stored_routes(ChangeJournal& journal, std::size_t dimension, std::size_t threads);

}  // namespace semroute::router
