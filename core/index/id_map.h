// IdMap: from reference ids to slots; an open-addressing hash table that is read while it is changed.
//
// Complexity: find O(1); set and erase amortised O(1). Memory: 12 bytes a bucket, at most 70 % of them used.
// Threads: find from any thread; set, erase, fill and reclaim from one at a time. A reader holds a Readers::Reading, so
// that a table that was outgrown stays until nobody reads it. Errors: none (memory short: std::bad_alloc).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/in_threads.h"
#include "core/index/readers.h"
#include "core/index/reference_id.h"

namespace semroute::core {

inline constexpr std::uint32_t kNoSlot = 0xFFFFFFFFU;

class IdMap {
 public:
  explicit IdMap(Readers& readers);
  ~IdMap();
  IdMap(const IdMap&) = delete;
  IdMap& operator=(const IdMap&) = delete;

  [[nodiscard]] std::uint32_t find(ReferenceId id) const noexcept;  // kNoSlot: not there
  std::uint32_t set(ReferenceId id, std::uint32_t slot);            // the slot it had before, or kNoSlot
  std::uint32_t erase(ReferenceId id);                              // the slot it had, or kNoSlot
  void make_room(std::size_t ids);                                  // for so many more without growing between
  // Sets id_of(slots[i]) to slots[i], by some threads. Precondition: the map is empty, the ids differ.
  template <class IdOf>
  void fill(std::span<const std::uint32_t> slots, std::size_t threads, const IdOf& id_of) {
    make_room(slots.size());
    in_threads(slots.size(), threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) set_new(id_of(slots[i]), slots[i]);
    });
    count_ = used_ = slots.size();
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Table;
  struct Outgrown {
    std::unique_ptr<Table> table;
    std::uint64_t epoch;
  };
  void rebuild(std::size_t ids);
  void set_new(ReferenceId id, std::uint32_t slot);
  void reclaim();

  Readers& readers_;
  std::unique_ptr<Table> owned_;
  std::atomic<Table*> table_;
  std::vector<Outgrown> outgrown_;
  std::size_t count_ = 0;
  std::size_t used_ = 0;  // buckets with an id, erased ones too
};

}  // namespace semroute::core
