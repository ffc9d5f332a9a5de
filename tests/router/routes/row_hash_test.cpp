#include "router/routes/row_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

namespace semroute::router {
namespace {

TEST(RowHash, TellsEveryBitApart) {
  std::vector<float> row(24, 0.5F);
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  const auto note = [&](const std::vector<float>& values) {
    const RowHash hash = hash_row(values);
    return seen.insert({hash.low, hash.high}).second;
  };
  EXPECT_TRUE(note(row));
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      std::vector<float> other = row;
      other[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(other[i]) ^ (1U << bit));
      EXPECT_TRUE(note(other)) << i << " " << bit;
    }
  }
  EXPECT_TRUE(note(std::vector<float>(23, 0.5F)));
  EXPECT_TRUE(note({0.0F}));
  EXPECT_TRUE(note({-0.0F})) << "bit for bit";
  std::set<std::uint64_t> low;
  std::set<std::uint64_t> high;
  for (const auto& [a, b] : seen) {
    low.insert(a);
    high.insert(b);
  }
  EXPECT_EQ(low.size(), seen.size());
  EXPECT_EQ(high.size(), seen.size());
}

TEST(RowHash, IsOfTheOrderToo) {
  EXPECT_FALSE(hash_row(std::vector<float>{1, 2}) == hash_row(std::vector<float>{2, 1}));
  const std::vector<RowHash> rows = hash_rows(std::vector<float>{1, 2, 3, 4, 1, 2}, 2);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], rows[2]);
  EXPECT_FALSE(rows[0] == rows[1]);
}

}  // namespace
}  // namespace semroute::router
