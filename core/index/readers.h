// Readers: who is searching now, so that what a search may still be looking at is not used again; and a Scratch for
// each of them, so that searching allocates nothing.
//
// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, sec. 5.2.3): every change ends an epoch; a reader
// announces the one it begins in, and sees what was there then (vector_table.h). What was unlinked in epoch e may be
// used again once no reader that began at or before e is left. Complexity: begin O(1) while fewer than kMostReaders
// search at once (beyond, a reader waits for another's end); oldest O(kMostReaders).
// Threads: end_epoch from one at a time; the others from any. Lifetime: outlives every Reading.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "core/index/search_scratch.h"

namespace semroute::core {

using Epoch = std::uint64_t;

class Readers {
 public:
  static constexpr std::size_t kMostReaders = 128;

  class Reading {
   public:
    ~Reading() { record_->epoch.store(kIdle, std::memory_order_release); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    [[nodiscard]] SearchScratch& scratch() const noexcept { return record_->scratch; }
    [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }

   private:
    friend class Readers;
    struct Record {
      alignas(64) std::atomic<Epoch> epoch{kIdle};
      SearchScratch scratch;
    };
    Reading(Record* record, Epoch epoch) noexcept : record_(record), epoch_(epoch) {}
    Record* record_;
    Epoch epoch_;
  };

  [[nodiscard]] Reading begin() {
    thread_local const std::size_t hint = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (std::size_t tries = 0;; ++tries) {
      Reading::Record& record = records_[(hint + tries) % kMostReaders];
      Epoch idle = kIdle;
      // Sequentially consistent, as is end_epoch: either the writer sees this reader, or the reader what the writer
      // did. The epoch may have ended before it was announced; the reader's own is the one that is then.
      if (record.epoch.load(std::memory_order_relaxed) == kIdle &&
          record.epoch.compare_exchange_strong(idle, now_.load()))
        return Reading(&record, now_.load());
      if (tries % kMostReaders == kMostReaders - 1) std::this_thread::yield();
    }
  }

  // The epoch that runs now, for the one who ends it.
  [[nodiscard]] Epoch now() const noexcept { return now_.load(std::memory_order_relaxed); }

  // Ends the current epoch and returns it: that of everything unlinked before this call.
  Epoch end_epoch() noexcept { return now_.fetch_add(1); }

  // No reader that began in an earlier epoch is left.
  [[nodiscard]] Epoch oldest() const noexcept {
    Epoch oldest = now_.load();
    for (const Reading::Record& record : records_)
      if (const Epoch began = record.epoch.load(); began != kIdle) oldest = std::min(oldest, began);
    return oldest;
  }

  // Whether no reader is left that began in `epoch` or before.
  [[nodiscard]] bool has_passed(Epoch epoch) const noexcept { return oldest() > epoch; }

  // What the scratches hold. Approximate while others search.
  [[nodiscard]] std::size_t scratch_bytes() const noexcept {
    std::size_t bytes = sizeof records_;
    for (const Reading::Record& record : records_) bytes += record.scratch.bytes();
    return bytes;
  }

 private:
  static constexpr Epoch kIdle = 0;

  std::atomic<Epoch> now_{1};
  std::array<Reading::Record, kMostReaders> records_;
};

}  // namespace semroute::core
