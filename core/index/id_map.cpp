#include "core/index/id_map.h"

#include <bit>

namespace semroute::core {
namespace {

constexpr std::uint32_t kEmpty = kNoSlot;
constexpr std::uint32_t kErased = kNoSlot - 1;
constexpr std::size_t kFewestBuckets = 16;

constexpr bool is_full(std::size_t used, std::size_t buckets) noexcept { return used * 10 >= buckets * 7; }

// The finaliser of splitmix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014).
std::size_t hash_of(ReferenceId id) noexcept {
  std::uint64_t x = id + 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

}  // namespace

// A bucket's slot is written after its id and read before it, and a bucket never changes its id.
struct IdMap::Table {
  explicit Table(std::size_t bucket_count)
      : mask(bucket_count - 1),
        ids(std::make_unique<std::atomic<ReferenceId>[]>(bucket_count)),
        slots(std::make_unique<std::atomic<std::uint32_t>[]>(bucket_count)) {
    for (std::size_t i = 0; i < bucket_count; ++i) slots[i].store(kEmpty, std::memory_order_relaxed);
  }

  // The bucket of `id`, or the empty one where its probing ends.
  [[nodiscard]] std::size_t place_of(ReferenceId id) const noexcept {
    for (std::size_t at = hash_of(id) & mask;; at = (at + 1) & mask) {
      if (slots[at].load(std::memory_order_acquire) == kEmpty) return at;
      if (ids[at].load(std::memory_order_relaxed) == id) return at;
    }
  }
  [[nodiscard]] std::size_t buckets() const noexcept { return mask + 1; }

  std::size_t mask;
  std::unique_ptr<std::atomic<ReferenceId>[]> ids;
  std::unique_ptr<std::atomic<std::uint32_t>[]> slots;
};

IdMap::IdMap(Readers& readers)
    : readers_(readers), owned_(std::make_unique<Table>(kFewestBuckets)), table_(owned_.get()) {}

IdMap::~IdMap() = default;

std::uint32_t IdMap::find(ReferenceId id) const noexcept {
  const Table& table = *table_.load(std::memory_order_acquire);
  const std::uint32_t slot = table.slots[table.place_of(id)].load(std::memory_order_acquire);
  return slot == kErased ? kNoSlot : slot;
}

std::uint32_t IdMap::set(ReferenceId id, std::uint32_t slot) {
  if (is_full(used_ + 1, owned_->buckets())) rebuild(count_ + 1);
  const std::size_t at = owned_->place_of(id);
  const std::uint32_t before = owned_->slots[at].load(std::memory_order_relaxed);
  if (before == kEmpty) {
    owned_->ids[at].store(id, std::memory_order_relaxed);
    ++used_;
  }
  owned_->slots[at].store(slot, std::memory_order_release);
  if (before < kErased) return before;
  ++count_;
  return kNoSlot;
}

// Beside others that do the same: a bucket that is being written looks like an erased one.
void IdMap::set_new(ReferenceId id, std::uint32_t slot) {
  for (std::size_t at = hash_of(id) & owned_->mask;; at = (at + 1) & owned_->mask) {
    std::uint32_t empty = kEmpty;
    if (!owned_->slots[at].compare_exchange_strong(empty, kErased, std::memory_order_relaxed)) continue;
    owned_->ids[at].store(id, std::memory_order_relaxed);
    owned_->slots[at].store(slot, std::memory_order_release);
    return;
  }
}

std::uint32_t IdMap::erase(ReferenceId id) {
  const std::size_t at = owned_->place_of(id);
  const std::uint32_t before = owned_->slots[at].load(std::memory_order_relaxed);
  if (before >= kErased) return kNoSlot;
  owned_->slots[at].store(kErased, std::memory_order_release);
  --count_;
  return before;
}

void IdMap::make_room(std::size_t ids) {
  if (is_full(used_ + ids, owned_->buckets())) rebuild(count_ + ids);
}

// Into a table for twice as many, without what was erased.
void IdMap::rebuild(std::size_t ids) {
  std::size_t buckets = std::max(kFewestBuckets, std::bit_ceil(ids + ids / 2));
  if (is_full(ids + ids / 4, buckets)) buckets *= 2;
  auto larger = std::make_unique<Table>(buckets);
  used_ = 0;
  for (std::size_t i = 0; i < owned_->buckets(); ++i) {
    const std::uint32_t slot = owned_->slots[i].load(std::memory_order_relaxed);
    if (slot >= kErased) continue;
    const ReferenceId id = owned_->ids[i].load(std::memory_order_relaxed);
    const std::size_t at = larger->place_of(id);
    larger->ids[at].store(id, std::memory_order_relaxed);
    larger->slots[at].store(slot, std::memory_order_relaxed);
    ++used_;
  }
  table_.store(larger.get(), std::memory_order_release);
  outgrown_.push_back({std::move(owned_), readers_.end_epoch()});
  owned_ = std::move(larger);
  reclaim();
}

void IdMap::reclaim() {
  std::erase_if(outgrown_, [this](const Outgrown& old) { return readers_.has_passed(old.epoch); });
}

std::size_t IdMap::bytes() const noexcept {
  constexpr std::size_t kBucketBytes = sizeof(ReferenceId) + sizeof(std::uint32_t);
  std::size_t buckets = owned_->buckets();
  for (const Outgrown& old : outgrown_) buckets += old.table->buckets();
  return buckets * kBucketBytes;
}

}  // namespace semroute::core
