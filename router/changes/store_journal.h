// StoreJournal: the journal that keeps changes in data_dir, by a core::Store.
//
// Opening recovers what is there and logs what it found; while that takes long, how far it is.
// Threads: as ChangeJournal says; opening on any. Errors of opening: those of core::Store::open;
// model_mismatch when what is there was kept under another index.model.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "core/base/limits.h"
#include "core/base/system_calls.h"
#include "core/store/store.h"
#include "router/changes/change_journal.h"

namespace semroute::router {

// What the configuration does not say. The calls outlive the journal; they and the sizes are others in tests alone.
struct JournalParams {
  bool read_only = false;  // nothing on disk is touched, and no change is kept
  core::SystemCalls& calls = core::real_system_calls();
  std::uint64_t segment_bytes = core::kStoreSegmentBytes;
  std::uint64_t snapshot_min_log_bytes = core::kSnapshotMinLogBytes;
};

class StoreJournal final : public ChangeJournal {
 public:
  // Precondition: config.data_dir is set.
  [[nodiscard]] static core::Result<std::unique_ptr<StoreJournal>> open(const config::Config& config,
                                                                        const JournalParams& journal_params);

  [[nodiscard]] std::optional<JournalFailure> commit(std::span<const JournalBatch> batches) override;
  [[nodiscard]] core::Result<void> read_all(const Visit& visit) override;
  [[nodiscard]] core::Result<void> read_all_beside(const Work& work, std::size_t threads) override;
  [[nodiscard]] core::Result<void> read(std::string_view key, const Visit& visit) override;
  [[nodiscard]] std::size_t record_count(std::string_view key) const override { return store_->record_count(key); }
  [[nodiscard]] std::uint64_t last_sequence() const override { return store_->last_sequence(); }
  [[nodiscard]] std::uint64_t live_bytes() const override { return store_->bytes().live; }

  // What the store holds, and why it takes no changes any more (empty: it does). Any thread.
  [[nodiscard]] core::StoreBytes bytes() const { return store_->bytes(); }
  [[nodiscard]] std::string read_only_reason() const { return store_->read_only_reason(); }

 private:
  StoreJournal(std::unique_ptr<core::Store> store, bool read_only) : store_(std::move(store)), read_only_(read_only) {}
  void report_snapshots();

  std::unique_ptr<core::Store> store_;
  bool read_only_;
  std::string snapshot_problem_;  // that was logged last
};

}  // namespace semroute::router
