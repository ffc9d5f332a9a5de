// VectorTable: the vectors of an index by slot: ids, full rows, codes, and when a slot is alive.
//
// A slot is a dense 32-bit place. Its life: add() fills it, publish() makes it alive under its id, kill() or the next
// publish() under the id ends that, release() hands it over for use again, which happens once no search that might look
// at it is left. A slot's row is written only while it is not alive, and read only while it is, or through a link that
// was made after it was written.
//
// A search sees the slots that were alive when its epoch (readers.h) began, whatever happens meanwhile: a batch whole
// or not at all, and of an id that gets a new vector either the old one or the new. A slot keeps the epochs from which
// and until which it is alive, and each 64 slots the last one that changed them, so that those that did not change
// lately, nearly all, are looked up in one word of bits.
//
// Codes: quantization `none` keeps int8 codes beside the full vectors from kCodesFrom rows on, unless the vectors are
// short. They are trained on a sample of what is there, and again when the table has grown kRetrainGrowth-fold, as long
// as full vectors are kept. With rerank `none` full vectors are kept only until codes are trained.
//
// Complexity: add O(dimension) a row, training apart; find, publish, kill, release O(1) a slot.
// Threads: members under "readers" from any thread that holds a Readers::Reading; the others from one thread at a time.
// Errors: resource_exhausted when the capacity or memory is used up; nothing was added then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/growing_block.h"
#include "core/base/result.h"
#include "core/index/full_rows.h"
#include "core/index/id_map.h"
#include "core/index/index_bytes.h"
#include "core/index/index_params.h"
#include "core/index/readers.h"
#include "core/quantize/codec.h"

namespace semroute::core {

class VectorTable {
 public:
  // What rows are compared by: published whole, const but for the rows of slots that are not alive.
  struct Rows {
    FullRows* full = nullptr;      // null once rerank `none` has dropped them
    const Codec* codec = nullptr;  // null before training
    const GrowingBlock* codes = nullptr;
    const GrowingBlock* errors = nullptr;  // a float a slot (codec.h)

    [[nodiscard]] const std::byte* code(std::uint32_t slot) const noexcept {
      return codes->as<std::byte>() + slot * codec->row_bytes();
    }
    [[nodiscard]] const float* error(std::uint32_t slot) const noexcept { return errors->as<float>() + slot; }
    // The vector of a slot, as exactly as it is kept.
    void read(std::uint32_t slot, float* vector) const;
  };

  [[nodiscard]] static Result<std::unique_ptr<VectorTable>> make(const IndexParams& params, Readers& readers,
                                                                 const Kernels& kernels);
  ~VectorTable();

  // Readers.
  [[nodiscard]] const Rows& rows() const noexcept { return *rows_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint32_t end() const noexcept { return end_.load(std::memory_order_acquire); }  // beyond all slots
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_alive(std::uint32_t slot, Epoch at) const noexcept {
    return (alive_word(slot / 64, at) >> (slot % 64) & 1U) != 0;
  }
  // 64 slots from 64 * word on; one bit each.
  [[nodiscard]] std::uint64_t alive_word(std::size_t word, Epoch at) const noexcept {
    const std::uint64_t now = words()[word].alive.load(std::memory_order_acquire);
    return words()[word].changed.load(std::memory_order_relaxed) <= at ? now : word_at(word, at);
  }
  [[nodiscard]] bool are_alive(const std::uint32_t* slots, std::size_t count, Epoch at) const noexcept {
    const AliveWord* const all = words();
    for (std::size_t i = 0; i < count; ++i) {
      const AliveWord& word = all[slots[i] / 64];
      const std::uint64_t now = word.alive.load(std::memory_order_acquire);
      if (word.changed.load(std::memory_order_relaxed) > at) {
        if (!is_alive(slots[i], at)) return false;
      } else if ((now >> (slots[i] % 64) & 1U) == 0) {
        return false;
      }
    }
    return true;
  }
  // The epoch from which on a slot that was alive is not.
  [[nodiscard]] Epoch death_of(std::uint32_t slot) const noexcept {
    return lives()[slot].end.load(std::memory_order_acquire);
  }
  [[nodiscard]] const ReferenceId* ids() const noexcept { return ids_.as<ReferenceId>(); }  // by slot; they never move
  [[nodiscard]] ReferenceId id_of(std::uint32_t slot) const noexcept { return ids()[slot]; }
  [[nodiscard]] std::uint32_t find(ReferenceId id) const noexcept { return by_id_.find(id); }
  // The content of the slot's vector (graph_image.h), as it was given. Of slots that are filled.
  [[nodiscard]] std::uint64_t content_at(std::uint32_t slot) const noexcept {
    return contents_.as<std::uint64_t>()[slot];
  }
  [[nodiscard]] const Kernels& kernels() const noexcept { return kernels_; }
  [[nodiscard]] std::size_t most_slots() const noexcept { return most_slots_; }

  // Writers. Precondition of add: ids differ from one another; rows has ids.size() vectors.
  [[nodiscard]] Result<void> add(std::span<const ReferenceId> ids, const float* const* rows,
                                 std::vector<std::uint32_t>& slots);
  // Undoes an add() that is not published.
  void take_back(std::span<const std::uint32_t> slots);
  // All from one epoch on. Appends to `replaced` the slots that had the ids before; they are no longer alive.
  void publish(std::span<const std::uint32_t> slots, std::vector<std::uint32_t>& replaced);
  // From one epoch on nothing is alive under the ids; the slots that were.
  [[nodiscard]] std::vector<std::uint32_t> kill(std::span<const ReferenceId> ids);
  // Precondition: nothing links to the slots any more.
  void release(std::span<const std::uint32_t> slots);

  // An empty table is filled at slots of the caller's choice: room for those below `slots`; then each by one
  // thread at a time, and named; then all at once alive, and the others free unless `is_kept` says that they stay out
  // of use.
  [[nodiscard]] Result<void> make_slots(std::size_t slots);
  // `content` is that of the vector.
  void fill(std::uint32_t slot, const float* vector, std::uint64_t content);
  void name(std::uint32_t slot, ReferenceId id) noexcept { ids_.as<ReferenceId>()[slot] = id; }
  [[nodiscard]] Result<void> open(std::span<const std::uint32_t> filled, const std::vector<bool>& is_kept,
                                  std::size_t threads);

  [[nodiscard]] IndexBytes bytes() const noexcept;

 private:
  // Alive from `begin` on, until `end`.
  struct Life {
    std::atomic<Epoch> begin;
    std::atomic<Epoch> end;
  };
  struct AliveWord {
    std::atomic<std::uint64_t> alive;
    std::atomic<Epoch> changed;
  };
  struct CodeBlock {
    std::unique_ptr<const Codec> codec;
    GrowingBlock codes;
    GrowingBlock errors;
    std::size_t trained_on = 0;
  };
  struct Released {
    std::vector<std::uint32_t> slots;
    Epoch epoch;
  };
  struct Outgrown {
    std::unique_ptr<Rows> rows;
    std::unique_ptr<CodeBlock> codes;
    std::unique_ptr<FullRows> full;
    Epoch epoch;
  };

  VectorTable(const IndexParams& params, Readers& readers, const Kernels& kernels);
  [[nodiscard]] Result<void> reserve();
  [[nodiscard]] bool grow(std::size_t slots);
  [[nodiscard]] bool should_train(std::size_t count) const noexcept;
  [[nodiscard]] bool train(std::span<const float* const> added, std::size_t threads = 1);
  [[nodiscard]] Life* lives() const noexcept { return lives_.as<Life>(); }
  [[nodiscard]] AliveWord* words() const noexcept { return words_.as<AliveWord>(); }
  [[nodiscard]] std::uint64_t word_at(std::size_t word, Epoch at) const noexcept;
  void begin_life(std::uint32_t slot, Epoch from) noexcept;
  void end_life(std::uint32_t slot, Epoch from) noexcept;
  void publish_rows(std::unique_ptr<CodeBlock> outgrown_codes, std::unique_ptr<FullRows> outgrown_full);
  void reclaim();

  const IndexParams params_;
  Readers& readers_;
  const Kernels& kernels_;
  std::size_t most_slots_ = 0;
  std::unique_ptr<FullRows> full_;
  std::unique_ptr<CodeBlock> codes_;
  std::unique_ptr<Rows> current_rows_;
  std::atomic<const Rows*> rows_{nullptr};
  GrowingBlock ids_;
  GrowingBlock contents_;
  GrowingBlock lives_;
  GrowingBlock words_;
  IdMap by_id_;
  std::atomic<std::uint32_t> end_{0};
  std::atomic<std::size_t> count_{0};
  std::size_t pending_ = 0;  // added, not yet published
  std::vector<std::uint32_t> free_;
  std::vector<Released> released_;
  std::vector<Outgrown> outgrown_;
};

}  // namespace semroute::core
