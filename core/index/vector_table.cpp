#include "core/index/vector_table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "core/base/check.h"
#include "core/base/in_threads.h"
#include "core/index/graph_image.h"
#include "core/quantize/make_codec.h"

namespace semroute::core {
namespace {

// Fewer rows than this are scanned in full as fast as by codes.
constexpr std::size_t kCodesFrom = 256;
// Shorter vectors are compared in full as fast, and a byte a number is too coarse for them: many fall together.
constexpr std::size_t kFewestCodedNumbers = 64;
// A product quantizer learns 256 centroids for each part.
constexpr std::size_t kPqCodesFrom = 2048;
constexpr std::size_t kRetrainGrowth = 8;
constexpr std::size_t kMostTrainingFloats = std::size_t{16} << 20;
constexpr std::size_t kMostTrainingRows = 65'536;
// Of int8: a centre and a step, which more rows do not make better.
constexpr std::size_t kMostInt8TrainingRows = 4'096;
constexpr std::uint64_t kTrainingSeed = 20'260'101;
// Slots beyond the capacity: replacing needs the new row beside the old, and dead slots wait for their last reader.
constexpr std::size_t kSpareSlots = 65'536;

// The top bit of a slot is a mark while walking a graph, and 0 is no link.
constexpr std::size_t kMostSlots = (std::size_t{1} << 31) - 2;

Error no_memory(std::size_t count, std::size_t dimension) {
  return Error{ErrorCode::resource_exhausted, "no memory for more than " + std::to_string(count) + " references of " +
                                                  std::to_string(dimension) + " numbers"};
}

Quantization kind_of_codes(const IndexParams& params) noexcept {
  return params.quantization == Quantization::none ? Quantization::int8 : params.quantization;
}

}  // namespace

void VectorTable::Rows::read(std::uint32_t slot, float* vector) const {
  if (full != nullptr)
    full->read(slot, vector);
  else
    codec->decode(code(slot), vector);
}

Result<std::unique_ptr<VectorTable>> VectorTable::make(const IndexParams& params, Readers& readers,
                                                       const Kernels& kernels) {
  std::unique_ptr<VectorTable> table(new VectorTable(params, readers, kernels));
  if (auto reserved = table->reserve(); !reserved.ok()) return reserved.error();
  return table;
}

VectorTable::VectorTable(const IndexParams& params, Readers& readers, const Kernels& kernels)
    : params_(params), readers_(readers), kernels_(kernels), by_id_(readers) {}

VectorTable::~VectorTable() = default;

Result<void> VectorTable::reserve() {
  most_slots_ = std::min<std::size_t>(params_.capacity * 2 + kSpareSlots, kMostSlots);
  const Rerank kept = params_.rerank == Rerank::f16 ? Rerank::f16 : Rerank::f32;
  auto full = FullRows::reserve(params_.metric, params_.dimension, kept, most_slots_, kernels_);
  auto ids = GrowingBlock::reserve(most_slots_ * sizeof(ReferenceId));
  auto contents = GrowingBlock::reserve(most_slots_ * sizeof(std::uint64_t));
  auto lives = GrowingBlock::reserve(most_slots_ * sizeof(Life));
  auto words = GrowingBlock::reserve((most_slots_ / 64 + 1) * sizeof(AliveWord));
  if (!full || !ids || !contents || !lives || !words)
    return Error{ErrorCode::resource_exhausted, "there is no address space for " + std::to_string(params_.capacity) +
                                                    " references of " + std::to_string(params_.dimension) +
                                                    " numbers; lower index.capacity"};
  full_ = std::make_unique<FullRows>(std::move(*full));
  ids_ = std::move(*ids);
  contents_ = std::move(*contents);
  lives_ = std::move(*lives);
  words_ = std::move(*words);
  publish_rows(nullptr, nullptr);
  return {};
}

// Makes what full_ and codes_ are now what readers see.
void VectorTable::publish_rows(std::unique_ptr<CodeBlock> outgrown_codes, std::unique_ptr<FullRows> outgrown_full) {
  auto next = std::make_unique<Rows>();
  next->full = full_.get();
  if (codes_) {
    next->codec = codes_->codec.get();
    next->codes = &codes_->codes;
    next->errors = &codes_->errors;
  }
  rows_.store(next.get(), std::memory_order_release);
  std::swap(current_rows_, next);
  if (!next) return;
  outgrown_.push_back({std::move(next), std::move(outgrown_codes), std::move(outgrown_full), readers_.end_epoch()});
}

bool VectorTable::grow(std::size_t slots) {
  if (slots > most_slots_) return false;
  if (!ids_.grow(slots * sizeof(ReferenceId)) || !contents_.grow(slots * sizeof(std::uint64_t)) ||
      !lives_.grow(slots * sizeof(Life)) || !words_.grow((slots / 64 + 1) * sizeof(AliveWord)))
    return false;
  if (full_ && !full_->grow(slots)) return false;
  return !codes_ ||
         (codes_->codes.grow(slots * codes_->codec->row_bytes()) && codes_->errors.grow(slots * sizeof(float)));
}

bool VectorTable::should_train(std::size_t count) const noexcept {
  if (params_.quantization == Quantization::none && params_.dimension < kFewestCodedNumbers) return false;
  const std::size_t from = params_.quantization == Quantization::pq ? kPqCodesFrom : kCodesFrom;
  if (!codes_) return count >= from;
  return full_ != nullptr && count >= codes_->trained_on * kRetrainGrowth;
}

// On a sample of the alive slots and of `added`, then codes every slot in use.
bool VectorTable::train(std::span<const float* const> added, std::size_t threads) {
  const std::size_t dimension = params_.dimension;
  std::vector<std::uint32_t> there;
  for (std::uint32_t slot = 0; slot < end(); ++slot)
    if (is_alive(slot, readers_.now())) there.push_back(slot);
  const std::size_t total = there.size() + added.size();
  const bool is_int8 = kind_of_codes(params_) == Quantization::int8;
  const std::size_t most_rows = is_int8 ? kMostInt8TrainingRows : kMostTrainingRows;
  const std::size_t wanted = std::clamp<std::size_t>(kMostTrainingFloats / dimension, 1, most_rows);
  const std::size_t taken = std::min(total, wanted);
  std::vector<float> sample(taken * dimension);
  for (std::size_t i = 0; i < taken; ++i) {
    const std::size_t pick = i * total / taken;
    float* row = sample.data() + i * dimension;
    if (pick < there.size())
      current_rows_->read(there[pick], row);
    else
      std::memcpy(row, added[pick - there.size()], dimension * sizeof(float));
  }
  auto block = std::make_unique<CodeBlock>();
  block->codec = make_codec(kind_of_codes(params_), params_.metric, dimension, sample, kTrainingSeed, kernels_);
  block->trained_on = total;
  auto codes = GrowingBlock::reserve(most_slots_ * block->codec->row_bytes());
  auto errors = GrowingBlock::reserve(most_slots_ * sizeof(float));
  if (!codes || !errors) return false;
  block->codes = std::move(*codes);
  block->errors = std::move(*errors);
  const std::size_t slots = std::max<std::size_t>(end(), 1);
  if (!block->codes.grow(slots * block->codec->row_bytes()) || !block->errors.grow(slots * sizeof(float))) return false;
  // Slots that are not alive are coded too: they may have been added and not yet published, or be walked through.
  in_threads(end(), threads, [&](std::size_t begin, std::size_t behind) {
    std::vector<float> vector(dimension);
    for (std::size_t slot = begin; slot < behind; ++slot) {
      const float* row = current_rows_->full != nullptr ? current_rows_->full->f32_row(slot) : nullptr;
      if (row == nullptr) {
        current_rows_->read(static_cast<std::uint32_t>(slot), vector.data());
        row = vector.data();
      }
      block->errors.as<float>()[slot] =
          block->codec->encode(row, block->codes.as<std::byte>() + slot * block->codec->row_bytes());
    }
  });
  std::unique_ptr<FullRows> outgrown_full;
  if (params_.rerank == Rerank::none) outgrown_full = std::move(full_);
  std::swap(codes_, block);
  publish_rows(std::move(block), std::move(outgrown_full));
  return true;
}

Result<void> VectorTable::add(std::span<const ReferenceId> ids, const float* const* rows,
                              std::vector<std::uint32_t>& slots) {
  reclaim();
  std::size_t fresh = ids.size();
  if (count() + pending_ + fresh > params_.capacity) {
    for (const ReferenceId id : ids) fresh -= by_id_.find(id) != kNoSlot ? 1 : 0;
    if (count() + pending_ + fresh > params_.capacity)
      return Error{ErrorCode::resource_exhausted,
                   "the index is full: its capacity is " + std::to_string(params_.capacity) + " references"};
  }
  const std::size_t reused = std::min(free_.size(), ids.size());
  const std::size_t first = end();
  const std::size_t last = first + ids.size() - reused;
  if (!grow(last)) return no_memory(count(), params_.dimension);
  if (should_train(count() + pending_ + ids.size()) && !train({rows, ids.size()}))
    return no_memory(count(), params_.dimension);
  if (!grow(last)) return no_memory(count(), params_.dimension);  // the new codes
  by_id_.make_room(ids.size());

  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::uint32_t slot;
    if (i < reused) {
      slot = free_.back();
      free_.pop_back();
    } else {
      slot = static_cast<std::uint32_t>(first + i - reused);
    }
    ids_.as<ReferenceId>()[slot] = ids[i];
    contents_.as<std::uint64_t>()[slot] = content_of({rows[i], params_.dimension});
    if (full_) full_->write(slot, rows[i]);
    if (codes_)
      codes_->errors.as<float>()[slot] =
          codes_->codec->encode(rows[i], codes_->codes.as<std::byte>() + slot * codes_->codec->row_bytes());
    slots.push_back(slot);
  }
  end_.store(static_cast<std::uint32_t>(last), std::memory_order_release);
  pending_ += ids.size();
  return {};
}

Result<void> VectorTable::make_slots(std::size_t slots) {
  SEMROUTE_CHECK(end() == 0);
  if (!grow(slots)) return no_memory(slots, params_.dimension);
  end_.store(static_cast<std::uint32_t>(slots), std::memory_order_release);
  return {};
}

void VectorTable::fill(std::uint32_t slot, const float* vector, std::uint64_t content) {
  contents_.as<std::uint64_t>()[slot] = content;
  full_->write(slot, vector);
}

Result<void> VectorTable::open(std::span<const std::uint32_t> filled, const std::vector<bool>& is_kept,
                               std::size_t threads) {
  by_id_.fill(filled, threads, [this](std::uint32_t slot) { return id_of(slot); });
  const Epoch from = readers_.now() + 1;
  in_threads(filled.size(), threads, [&](std::size_t begin, std::size_t behind) {
    for (std::size_t i = begin; i < behind; ++i) begin_life(filled[i], from);
  });
  readers_.end_epoch();
  count_.store(by_id_.count(), std::memory_order_release);
  reclaim();
  for (std::uint32_t slot = 0; slot < end(); ++slot)
    if (!is_kept[slot] && !is_alive(slot, readers_.now())) free_.push_back(slot);
  if (should_train(count()) && !train({}, threads)) return no_memory(count(), params_.dimension);
  return {};
}

void VectorTable::take_back(std::span<const std::uint32_t> slots) {
  free_.insert(free_.end(), slots.begin(), slots.end());
  pending_ -= slots.size();
}

// Of slots that have not been used yet both epochs are 0, so they were never alive. `end` is read first and written
// last: whoever sees a slot's new end sees its new beginning.
std::uint64_t VectorTable::word_at(std::size_t word, Epoch at) const noexcept {
  std::uint64_t alive = 0;
  const std::size_t first = word * 64;
  const std::size_t some = std::min<std::size_t>(64, end() - first);
  for (std::size_t i = 0; i < some; ++i) {
    const Life& life = lives()[first + i];
    const Epoch until = life.end.load(std::memory_order_acquire);
    if (at < until && life.begin.load(std::memory_order_relaxed) <= at) alive |= std::uint64_t{1} << i;
  }
  return alive;
}

void VectorTable::begin_life(std::uint32_t slot, Epoch from) noexcept {
  lives()[slot].begin.store(from, std::memory_order_relaxed);
  lives()[slot].end.store(std::numeric_limits<Epoch>::max(), std::memory_order_release);
  AliveWord& word = words()[slot / 64];
  word.changed.store(from, std::memory_order_relaxed);
  word.alive.fetch_or(std::uint64_t{1} << (slot % 64), std::memory_order_release);
}

void VectorTable::end_life(std::uint32_t slot, Epoch from) noexcept {
  lives()[slot].end.store(from, std::memory_order_release);
  AliveWord& word = words()[slot / 64];
  word.changed.store(from, std::memory_order_relaxed);
  word.alive.fetch_and(~(std::uint64_t{1} << (slot % 64)), std::memory_order_release);
}

void VectorTable::publish(std::span<const std::uint32_t> slots, std::vector<std::uint32_t>& replaced) {
  const std::size_t others = replaced.size();
  // First, because growing the map may end an epoch.
  for (const std::uint32_t slot : slots)
    if (const std::uint32_t before = by_id_.set(id_of(slot), slot); before != kNoSlot) replaced.push_back(before);
  const Epoch from = readers_.now() + 1;
  for (const std::uint32_t slot : slots) begin_life(slot, from);
  for (std::size_t i = others; i < replaced.size(); ++i) end_life(replaced[i], from);
  readers_.end_epoch();
  pending_ -= slots.size();
  count_.store(by_id_.count(), std::memory_order_release);
  reclaim();  // after a training that dropped the full vectors there may be no other change for long
}

std::vector<std::uint32_t> VectorTable::kill(std::span<const ReferenceId> ids) {
  std::vector<std::uint32_t> killed;
  for (const ReferenceId id : ids)
    if (const std::uint32_t slot = by_id_.erase(id); slot != kNoSlot) killed.push_back(slot);
  const Epoch from = readers_.now() + 1;
  for (const std::uint32_t slot : killed) end_life(slot, from);
  readers_.end_epoch();
  count_.store(by_id_.count(), std::memory_order_release);
  return killed;
}

void VectorTable::release(std::span<const std::uint32_t> slots) {
  if (slots.empty()) return;
  released_.push_back({std::vector<std::uint32_t>(slots.begin(), slots.end()), readers_.end_epoch()});
  reclaim();
}

void VectorTable::reclaim() {
  std::erase_if(released_, [this](const Released& released) {
    if (!readers_.has_passed(released.epoch)) return false;
    free_.insert(free_.end(), released.slots.begin(), released.slots.end());
    return true;
  });
  std::erase_if(outgrown_, [this](const Outgrown& old) { return readers_.has_passed(old.epoch); });
}

IndexBytes VectorTable::bytes() const noexcept {
  IndexBytes bytes;
  if (full_) bytes.vectors = full_->bytes();
  if (codes_) {
    bytes.codes = codes_->codes.bytes() + codes_->errors.bytes();
    bytes.other = codes_->codec->bytes();
  }
  bytes.ids = ids_.bytes() + contents_.bytes() + lives_.bytes() + words_.bytes() + by_id_.bytes() +
              free_.capacity() * sizeof(std::uint32_t);
  for (const Released& released : released_) bytes.ids += released.slots.capacity() * sizeof(std::uint32_t);
  for (const Outgrown& old : outgrown_) {
    if (old.full) bytes.vectors += old.full->bytes();
    if (old.codes) bytes.codes += old.codes->codes.bytes() + old.codes->errors.bytes();
  }
  return bytes;
}

}  // namespace semroute::core
