// ChangeJournal: where accepted changes are kept before they are acknowledged; the seam to a store on disk.
//
// It knows keys and opaque records: a key (a route's name) has a chain, one base record and those appended since. `set`
// begins the chain anew, `append` adds to it, `erase` ends it. What the records say: route_record.h.
// Threads: one, the change thread's, and those that it lends. Lifetime: spans are valid during the call only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/store/format.h"

namespace semroute::router {

struct JournalChange {
  using Kind = core::RecordKind;
  Kind kind = Kind::set;
  std::string key;
  std::string record;  // empty for erase
};

// What is kept whole or not at all.
struct JournalBatch {
  std::uint64_t sequence = 0;  // rises from batch to batch; gaps are allowed
  std::vector<JournalChange> changes;
};

struct JournalFailure {
  core::Error error;             // unavailable, for a client to read
  bool outcome_unknown = false;  // whether the batches may be found at the next start all the same
  bool is_lasting = false;       // whether the same will be said as long as the program runs
};

class ChangeJournal {
 public:
  // The records of one key, the base first. An error ends the reading.
  using Visit = std::function<core::Result<void>(std::string_view key, std::span<const std::string_view> records)>;

  virtual ~ChangeJournal() = default;

  // Returns once all of them are as durable as asked for, or none is kept.
  [[nodiscard]] virtual std::optional<JournalFailure> commit(std::span<const JournalBatch> batches) = 0;
  [[nodiscard]] virtual core::Result<void> read_all(const Visit& visit) = 0;
  // The same by up to `threads`: `work` is called by several at once, what it returns by one at a time, in the order of
  // keys; it may be empty.
  using Rest = std::function<core::Result<void>()>;
  using Work = std::function<core::Result<Rest>(std::string_view key, std::span<const std::string_view> records)>;
  [[nodiscard]] virtual core::Result<void> read_all_beside(const Work& work, std::size_t threads) = 0;
  // The same for one key; nothing is visited when it is not there.
  [[nodiscard]] virtual core::Result<void> read(std::string_view key, const Visit& visit) = 0;
  [[nodiscard]] virtual std::size_t record_count(std::string_view key) const = 0;  // 0: no such key
  // Of everything that was ever kept, also under keys that are erased; 0: nothing was.
  [[nodiscard]] virtual std::uint64_t last_sequence() const = 0;
  // Of the records that count; what a first load will have to go through.
  [[nodiscard]] virtual std::uint64_t live_bytes() const { return 0; }
};

}  // namespace semroute::router
