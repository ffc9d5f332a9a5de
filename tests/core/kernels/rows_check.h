// Holds a row kernel against plain arithmetic, in both forms: row counts 0 to 9, slots that repeat and run
// backwards, padding and neighbours that would show if they were read, and results that must not be written.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/kernels/kernels.h"

namespace semroute::core::testing {

inline constexpr std::size_t kMostRows = 9;

// A block of kMostRows rows, 64-byte aligned where stride is whole lines, everything but the rows poison.
template <class Row>
class RowBlock {
 public:
  // `offset` elements off a cache line.
  RowBlock(std::size_t length, std::size_t stride, Row poison, std::size_t offset = 0)
      : length_(length),
        stride_(stride),
        bytes_(kMostRows * stride + offset + 2 * kLine, poison),
        offset_(kLine - reinterpret_cast<std::uintptr_t>(bytes_.data()) / sizeof(Row) % kLine + offset) {}
  [[nodiscard]] Row* row(std::size_t at) { return bytes_.data() + offset_ + at * stride_; }
  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }

 private:
  static constexpr std::size_t kLine = 64 / sizeof(Row);
  std::size_t length_;
  std::size_t stride_;
  std::vector<Row> bytes_;
  std::size_t offset_;
};

template <class Number>
bool same_bits(Number a, Number b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// As many slots as are asked for ahead, and more: every row's bits are those of `full`.
template <class Query, class Row, class Out>
void check_long_gathers(RowKernel<Query, Row, Out> kernel, const Query* query, RowBlock<Row>& block, const Out* full) {
  std::vector<std::uint32_t> slots(83);
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint32_t>(i * i * 5 % kMostRows);
  std::vector<Out> gathered(slots.size());
  for (std::size_t count = kMostRows + 1; count <= slots.size(); count += count < 44 ? 1 : 13) {
    kernel.gather(query, block.row(0), block.stride(), slots.data(), count, block.length(), gathered.data());
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_TRUE(same_bits(gathered[i], full[slots[i]]))
          << "gather, length " << block.length() << ", " << i << " of " << count;
  }
}

// `expect(row, number)` holds one result of the rows form against arithmetic; every other count, and the gather
// form, must give the same bits. The last row of the block is overwritten with the first: they must tie.
template <class Query, class Row, class Out, class Expect>
void check_rows(RowKernel<Query, Row, Out> kernel, const Query* query, RowBlock<Row>& block, const Expect& expect) {
  const std::size_t length = block.length();
  const std::size_t stride = block.stride();
  std::memcpy(block.row(kMostRows - 1), block.row(0), length * sizeof(Row));
  Out full[kMostRows];
  kernel.rows(query, block.row(0), stride, kMostRows, length, full);
  for (std::size_t row = 0; row < kMostRows; ++row) expect(block.row(row), full[row]);
  ASSERT_TRUE(same_bits(full[0], full[kMostRows - 1])) << "equal rows, length " << length;

  constexpr std::uint32_t kSlots[kMostRows] = {8, 3, 3, 0, 7, 1, 3, 6, 0};
  const Out unwritten = static_cast<Out>(-123'456'789);
  for (std::size_t count = 0; count <= kMostRows; ++count) {
    Out some[kMostRows + 1];
    Out gathered[kMostRows + 1];
    for (Out& number : some) number = unwritten;
    for (Out& number : gathered) number = unwritten;
    kernel.rows(query, block.row(0), stride, count, length, some);
    kernel.gather(query, block.row(0), stride, kSlots, count, length, gathered);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(same_bits(some[i], full[i])) << "rows, length " << length << ", row " << i << " of " << count;
      ASSERT_TRUE(same_bits(gathered[i], full[kSlots[i]]))
          << "gather, length " << length << ", " << i << " of " << count;
    }
    for (std::size_t i = count; i <= kMostRows; ++i) {
      ASSERT_EQ(some[i], unwritten) << "rows wrote beyond the " << count << " rows";
      ASSERT_EQ(gathered[i], unwritten) << "gather wrote beyond the " << count << " rows";
    }
  }
  check_long_gathers(kernel, query, block, full);
}

}  // namespace semroute::core::testing
