// Readers: who is searching now, so that what a search may still be looking at is not used again; and a Scratch for
// each of them, so that searching allocates nothing.
//
// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, sec. 5.2.3): a reader announces the epoch it began
// in; what was unlinked in epoch e may be used again once no reader that began at or before e is left. Complexity:
// begin O(1) while fewer than kMostReaders search at once (beyond, a reader waits for another's end); has_passed
// O(kMostReaders). Threads: all members from any thread. Lifetime: outlives every Reading.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "core/index/search_scratch.h"

namespace semroute::core {

class Readers {
 public:
  static constexpr std::size_t kMostReaders = 128;

  class Reading {
   public:
    ~Reading() { record_->epoch.store(kIdle, std::memory_order_release); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    [[nodiscard]] SearchScratch& scratch() const noexcept { return record_->scratch; }

   private:
    friend class Readers;
    struct Record {
      alignas(64) std::atomic<std::uint64_t> epoch{kIdle};
      SearchScratch scratch;
    };
    explicit Reading(Record* record) noexcept : record_(record) {}
    Record* record_;
  };

  [[nodiscard]] Reading begin() {
    thread_local const std::size_t hint = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (std::size_t tries = 0;; ++tries) {
      Reading::Record& record = records_[(hint + tries) % kMostReaders];
      std::uint64_t idle = kIdle;
      // Sequentially consistent, as is end_epoch: either the writer sees this reader, or the reader what the writer
      // did.
      if (record.epoch.load(std::memory_order_relaxed) == kIdle &&
          record.epoch.compare_exchange_strong(idle, now_.load()))
        return Reading(&record);
      if (tries % kMostReaders == kMostReaders - 1) std::this_thread::yield();
    }
  }

  // Ends the current epoch and returns it: that of everything unlinked before this call.
  [[nodiscard]] std::uint64_t end_epoch() noexcept { return now_.fetch_add(1); }

  // Whether no reader is left that began in `epoch` or before.
  [[nodiscard]] bool has_passed(std::uint64_t epoch) const noexcept {
    for (const Reading::Record& record : records_) {
      const std::uint64_t began = record.epoch.load();
      if (began != kIdle && began <= epoch) return false;
    }
    return true;
  }

  // What the scratches hold. Approximate while others search.
  [[nodiscard]] std::size_t scratch_bytes() const noexcept {
    std::size_t bytes = sizeof records_;
    for (const Reading::Record& record : records_) bytes += record.scratch.bytes();
    return bytes;
  }

 private:
  static constexpr std::uint64_t kIdle = 0;

  std::atomic<std::uint64_t> now_{1};
  std::array<Reading::Record, kMostReaders> records_;
};

}  // namespace semroute::core
