// Holds the kernels of codes and bits against integer arithmetic: they are exact.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/kernels/kernels.h"
#include "tests/core/kernels/rows_check.h"

namespace semroute::core::testing {

inline constexpr std::size_t kCodeLengths[] = {64, 128, 192, 256, 384, 448, 768, 1024, 1536};
inline constexpr std::size_t kWordCounts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 17, 24, 64, 96};

template <class Number>
void fill(std::mt19937& random, Number* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    to[i] = static_cast<Number>((static_cast<std::uint64_t>(random()) << 32) | random());
}

inline void check_u8_dot(const Kernels& kernels) {
  std::mt19937 random(3);
  for (const std::size_t length : kCodeLengths) {
    RowBlock<std::uint8_t> block(length, length + 64, 251);
    std::vector<std::int8_t> query(length);
    fill(random, query.data(), length);
    for (std::size_t row = 0; row < kMostRows; ++row) fill(random, block.row(row), length);
    check_rows(kernels.u8_dot, query.data(), block, [&](const std::uint8_t* row, std::int32_t number) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < length; ++i) sum += std::int64_t{query[i]} * row[i];
      ASSERT_EQ(number, sum) << "length " << length;
    });
  }
}

// Every product the largest there is, to the longest length there is.
inline void check_u8_dot_extremes(const Kernels& kernels) {
  for (const std::size_t length : {std::size_t{64}, std::size_t{4'096}, kMostCodes})
    for (const int number : {-128, -1, 127}) {
      RowBlock<std::uint8_t> block(length, length, 255);
      const std::vector<std::int8_t> query(length, static_cast<std::int8_t>(number));
      check_rows(kernels.u8_dot, query.data(), block, [&](const std::uint8_t*, std::int32_t sum) {
        ASSERT_EQ(sum, static_cast<std::int64_t>(length) * 255 * number) << "length " << length;
      });
    }
}

inline void check_u8_l1(const Kernels& kernels) {
  std::mt19937 random(4);
  for (const std::size_t length : kCodeLengths) {
    RowBlock<std::uint8_t> block(length, length + 128, 251);
    std::vector<std::uint8_t> query(length);
    fill(random, query.data(), length);
    for (std::size_t row = 0; row < kMostRows; ++row) fill(random, block.row(row), length);
    check_rows(kernels.u8_l1, query.data(), block, [&](const std::uint8_t* row, std::int32_t number) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < length; ++i) sum += std::abs(int{query[i]} - int{row[i]});
      ASSERT_EQ(number, sum) << "length " << length;
    });
  }
  RowBlock<std::uint8_t> block(kMostCodes, kMostCodes, 255);
  const std::vector<std::uint8_t> query(kMostCodes, 0);
  check_rows(kernels.u8_l1, query.data(), block, [&](const std::uint8_t*, std::int32_t number) {
    ASSERT_EQ(number, static_cast<std::int32_t>(kMostCodes * 255));
  });
}

inline std::int64_t u4_dot(const std::vector<std::int8_t>& query, const std::uint8_t* row) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const std::uint8_t byte = row[i / 128 * 64 + i % 64];
    sum += std::int64_t{query[i]} * (i / 64 % 2 == 0 ? byte & 15 : byte >> 4);
  }
  return sum;
}

inline void check_u4_dot(const Kernels& kernels) {
  std::mt19937 random(5);
  for (const std::size_t length : kCodeLengths) {
    RowBlock<std::uint8_t> block(length, length + 64, 251);
    std::vector<std::int8_t> query(2 * length);
    fill(random, query.data(), query.size());
    for (std::size_t row = 0; row < kMostRows; ++row) fill(random, block.row(row), length);
    check_rows(kernels.u4_dot, query.data(), block, [&](const std::uint8_t* row, std::int32_t number) {
      ASSERT_EQ(number, u4_dot(query, row)) << "length " << length;
    });
  }
  for (const int number : {-128, 127}) {
    RowBlock<std::uint8_t> block(kMostCodes / 2, kMostCodes / 2, 255);
    const std::vector<std::int8_t> query(kMostCodes, static_cast<std::int8_t>(number));
    check_rows(kernels.u4_dot, query.data(), block, [&](const std::uint8_t*, std::int32_t sum) {
      ASSERT_EQ(sum, static_cast<std::int64_t>(kMostCodes) * 15 * number);
    });
  }
}

inline void check_u1_dot(const Kernels& kernels) {
  std::mt19937 random(6);
  for (const std::size_t length : kWordCounts) {
    RowBlock<std::uint64_t> block(length, (length + 7) / 8 * 8 + 8, ~std::uint64_t{0});
    std::vector<std::uint64_t> query(4 * length);
    fill(random, query.data(), query.size());
    for (std::size_t row = 0; row < kMostRows; ++row) fill(random, block.row(row), length);
    std::memset(block.row(5), 0xFF, length * sizeof(std::uint64_t));
    const auto bit = [](const std::uint64_t* words, std::size_t i) {
      return static_cast<std::int32_t>(words[i / 64] >> (i % 64) & 1U);
    };
    check_rows(kernels.u1_dot, query.data(), block, [&](const std::uint64_t* row, std::int32_t number) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < 64 * length; ++i)
        for (std::size_t plane = 0; plane < 4; ++plane)
          sum += bit(row, i) * (bit(query.data() + plane * length, i) << plane);
      ASSERT_EQ(number, sum) << "length " << length;
    });
  }
}

}  // namespace semroute::core::testing
