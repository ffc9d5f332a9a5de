#include "core/index/flat_scan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "core/base/cache_line.h"
#include "core/base/check.h"
#include "core/index/best_hits.h"

namespace semroute::core {
namespace {

constexpr std::size_t kBlockRows = 64;      // one word of alive bits; their estimates stay in L1
constexpr std::size_t kGatheredRows = 256;  // at a time, from anywhere: the first few wait for memory, the others less
constexpr std::size_t kLinesAsked = 160;    // of memory, while ids are looked up: more only wait
constexpr std::size_t kFewestCandidates = 1024;
constexpr std::size_t kFewestByCodes = 49152;  // numbers of the rows in all: of fewer, codes spare less than they cost
constexpr float kNothing = -std::numeric_limits<float>::infinity();

using Word = std::uint64_t;

// Calls visit(slot) for each set bit.
template <class Visit>
void for_bits(Word bits, std::uint32_t first, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1) visit(first + static_cast<std::uint32_t>(__builtin_ctzll(bits)));
}

Word passing(const VectorTable& table, const IdSet* filter, std::uint32_t first, Word alive) {
  if (filter == nullptr) return alive;
  Word pass = 0;
  for_bits(alive, first, [&](std::uint32_t slot) {
    if (filter->contains(table.id_of(slot))) pass |= Word{1} << (slot - first);
  });
  return pass;
}

// One query's way through the blocks. With codes and full vectors, rows become candidates by the most that their keys
// can be; the floor is the k-th largest of the least that keys can be, so a row below it cannot be among the best.
class Scan {
 public:
  // `count`: about how many rows it will look at.
  Scan(const VectorTable& table, std::size_t count, Metric metric, const float* query, std::span<Hit> hits,
       ScanBuffers& buffers)
      : rows_(table.rows()),
        by_codes_(rows_.codec != nullptr &&
                  (rows_.full == nullptr || count * rows_.codec->dimension() > kFewestByCodes)),
        reaching_(table.kernels().reaching),
        metric_(metric),
        query_(query),
        k_(hits.size()),
        buffers_(buffers),
        best_(table, metric, hits) {
    if (!by_codes_) {
      rows_asked_ = kLinesAsked * kLineBytes / rows_.full->row_bytes();
      return;
    }
    std::byte* code = buffers.query_code.make_room(rows_.codec->query_bytes());
    terms_ = rows_.codec->prepare(query, code);
    code_ = code;
    room_ = std::max(kFewestCandidates, 4 * k_);
    buffers.candidates.clear();
    buffers.candidates.reserve(room_);
    buffers.floors.clear();
    buffers.floors.reserve(k_);
  }

  // Asks memory for the row of a slot that will be looked at soon, if it is one of the first.
  void ask_ahead(std::uint32_t slot, std::size_t place) const noexcept {
    if (place >= rows_asked_) return;
    ask_for(rows_.full->base() + slot * rows_.full->row_bytes(), rows_.full->row_bytes());
  }

  // Alive slots: any, at most kGatheredRows of them, or those from `first` on, at most kBlockRows.
  void look_at(const std::uint32_t* slots, std::size_t count) {
    float keys[kGatheredRows];
    if (by_codes_) {
      rows_.codec->gather(code_, rows_.codes->as<std::byte>(), slots, count, keys);
      for (std::size_t i = 0; i < count; ++i) consider(slots[i], keys[i], most_of(slots[i], keys[i]));
    } else {
      rows_.full->gather(query_, slots, count, keys);
      best_.offer_values(slots, count, keys);
    }
  }
  void look_at(std::uint32_t first, std::size_t count) {
    float keys[kBlockRows];
    if (by_codes_) {
      rows_.codec->scan(code_, rows_.code(first), count, keys);
      consider_dense(first, count, keys);
    } else {
      rows_.full->scan(query_, first, count, keys);
      std::uint32_t slots[kBlockRows];
      std::iota(slots, slots + count, first);
      best_.offer_values(slots, count, keys);
    }
  }

  std::size_t finish() {
    if (by_codes_ && rows_.full != nullptr) score_candidates();
    return best_.finish();
  }

 private:
  [[nodiscard]] float most_of(std::uint32_t slot, float key) const noexcept {
    return key + (terms_.per_row_error * *rows_.error(slot) + terms_.constant);
  }

  void consider_dense(std::uint32_t first, std::size_t count, const float* keys) {
    float most[kBlockRows];
    const Word bits = reaching_(keys, rows_.error(first), terms_.per_row_error, terms_.constant, floor_, count, most);
    for_bits(bits, 0, [&](std::uint32_t i) { consider(first + i, keys[i], most[i]); });
  }

  void consider(std::uint32_t slot, float key, float most) {
    if (most < floor_) return;
    if (rows_.full == nullptr) {  // estimates are all there is
      best_.offer(slot, key);
      floor_ = best_.needed();
      return;
    }
    raise_floor(key - (most - key));
    if (buffers_.candidates.size() == room_) make_room();
    buffers_.candidates.push_back({most, slot});
  }

  void raise_floor(float least) {
    auto& floors = buffers_.floors;
    if (floors.size() == k_) {
      if (least <= floors.front()) return;
      std::pop_heap(floors.begin(), floors.end(), std::greater<>());
      floors.pop_back();
    }
    floors.push_back(least);
    std::push_heap(floors.begin(), floors.end(), std::greater<>());
    // Keys below may still round to the same score, and have the smaller id.
    if (floors.size() == k_) floor_ = std::max(floor_, lowest_key_of(metric_, score_of_key(metric_, floors.front())));
  }

  void drop_hopeless() {
    std::erase_if(buffers_.candidates,
                  [needed = std::max(floor_, best_.needed())](const Candidate& c) { return c.key < needed; });
  }

  void make_room() {
    drop_hopeless();
    if (buffers_.candidates.size() > room_ / 2) score_candidates();
  }

  // The most promising first: what they score drops most of the others.
  void score_candidates() {
    constexpr std::size_t kPromising = 32;
    auto& candidates = buffers_.candidates;
    drop_hopeless();
    const std::size_t promising = std::max(kPromising, 2 * k_);
    if (candidates.size() > promising) {
      std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(promising),
                       candidates.end(), [](const Candidate& a, const Candidate& b) { return a.key > b.key; });
      score({candidates.data(), promising});
      candidates.erase(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(promising));
      drop_hopeless();
    }
    score(candidates);
    candidates.clear();
    floor_ = std::max(floor_, best_.needed());
  }

  void score(std::span<const Candidate> some) {
    std::uint32_t slots[kBlockRows];
    float values[kBlockRows];
    for (std::size_t first = 0; first < some.size(); first += kBlockRows) {
      const std::size_t count = std::min(kBlockRows, some.size() - first);
      for (std::size_t i = 0; i < count; ++i) slots[i] = some[first + i].slot;
      rows_.full->gather(query_, slots, count, values);
      best_.offer_values(slots, count, values);
    }
  }

  const VectorTable::Rows& rows_;
  const bool by_codes_;
  decltype(Kernels::reaching) reaching_;
  Metric metric_;
  const float* query_;
  std::size_t k_;
  ScanBuffers& buffers_;
  BestHits best_;
  const std::byte* code_ = nullptr;
  ErrorTerms terms_;
  float floor_ = kNothing;
  std::size_t room_ = 0;
  std::size_t rows_asked_ = 0;
};

// Blocks of slots, in order: those that are alive and pass.
class Blocks {
 public:
  Blocks(const VectorTable& table, const IdSet* filter, Epoch at)
      : table_(table), filter_(filter), at_(at), end_(table.end()) {}

  template <class Look>  // (slots, count) or (first, count)
  void for_each(Look&& look) const {
    for (std::uint32_t first = 0; first < end_; first += kBlockRows) {
      const std::size_t used = std::min<std::size_t>(kBlockRows, end_ - first);
      const Word used_bits = used == kBlockRows ? ~Word{0} : (Word{1} << used) - 1;
      const Word bits = passing(table_, filter_, first, table_.alive_word(first / kBlockRows, at_) & used_bits);
      if (bits == 0) continue;
      const auto count = static_cast<std::size_t>(__builtin_popcountll(bits));
      if ((bits & (bits + 1)) == 0) {  // the first of them, without a gap
        look(first, count);
        continue;
      }
      std::uint32_t slots[kBlockRows];
      std::size_t i = 0;
      for_bits(bits, first, [&](std::uint32_t slot) { slots[i++] = slot; });
      look(&slots[0], count);
    }
  }

 private:
  const VectorTable& table_;
  const IdSet* filter_;
  const Epoch at_;
  const std::uint32_t end_;
};

}  // namespace

std::size_t scan_all(const VectorTable& table, Metric metric, const float* query, std::span<Hit> hits,
                     const IdSet* filter, const Readers::Reading& reading) {
  const std::size_t passing = filter == nullptr ? table.count() : std::min(filter->count(), table.count());
  Scan scan(table, passing, metric, query, hits, reading.scratch().scans[0]);
  Blocks(table, filter, reading.epoch()).for_each([&](auto slots, std::size_t count) { scan.look_at(slots, count); });
  return scan.finish();
}

std::size_t scan_few(const VectorTable& table, Metric metric, const float* query, std::span<Hit> hits,
                     const IdSet& filter, const Readers::Reading& reading) {
  Scan scan(table, filter.count(), metric, query, hits, reading.scratch().scans[0]);
  std::uint32_t slots[kGatheredRows];
  bool all_seen = true;
  const auto look = [&](std::size_t count) {
    if (!table.are_alive(slots, count, reading.epoch())) {
      // The slots that the ids have now. One that an id got only since hides the one that it had.
      std::size_t left = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t slot = table.find(table.id_of(slots[i]));
        if (slot == kNoSlot) continue;
        all_seen = all_seen && table.is_alive(slot, reading.epoch());
        slots[left++] = slot;
      }
      count = left;
    }
    if (all_seen && count > 0) scan.look_at(&slots[0], count);
  };
  const std::uint32_t end = table.end();
  const ReferenceId* const ids = table.ids();
  std::uint32_t shift = 0;  // from an id to its slot: ids that came together mostly lie together
  std::size_t count = 0;
  for (const ReferenceId id : filter) {
    std::uint32_t slot = static_cast<std::uint32_t>(id) + shift;
    if (slot >= end || ids[slot] != id) {
      slot = table.find(id);
      if (slot == kNoSlot) continue;
      shift = slot - static_cast<std::uint32_t>(id);
    }
    scan.ask_ahead(slot, count);
    slots[count++] = slot;
    if (count < kGatheredRows) continue;
    look(count);
    count = 0;
  }
  look(count);
  return all_seen ? scan.finish() : scan_all(table, metric, query, hits, &filter, reading);
}

void scan_all_many(const VectorTable& table, Metric metric, std::span<const float> queries, std::size_t dimension,
                   std::size_t k, std::span<Hit> hits, std::span<std::size_t> counts, const Readers::Reading& reading) {
  for (std::size_t done = 0; done < counts.size(); done += SearchScratch::kMostScans) {
    const std::size_t some = std::min(SearchScratch::kMostScans, counts.size() - done);
    std::array<std::optional<Scan>, SearchScratch::kMostScans> scans;
    for (std::size_t i = 0; i < some; ++i)
      scans[i].emplace(table, table.count(), metric, queries.data() + (done + i) * dimension,
                       hits.subspan((done + i) * k, k), reading.scratch().scans[i]);
    Blocks(table, nullptr, reading.epoch()).for_each([&](auto slots, std::size_t count) {
      for (std::size_t i = 0; i < some; ++i) scans[i]->look_at(slots, count);
    });
    for (std::size_t i = 0; i < some; ++i) counts[done + i] = scans[i]->finish();
  }
}

}  // namespace semroute::core
