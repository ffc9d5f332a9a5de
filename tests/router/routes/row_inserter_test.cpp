#include "router/routes/row_inserter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace semroute::router {
namespace {

constexpr std::size_t kDimension = 64;

std::vector<float> some_rows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(count * kDimension);
  for (float& number : rows) number = normal(random);
  return rows;
}

std::string nameless(std::size_t /*row*/) { return ""; }

// Codes learn from all of the first rows; how far a graph is after them is told as with other codes.
TEST(RowInserter, TellsHowFarItIsAlsoWhereCodesLearn) {
  for (const core::Quantization quantization : {core::Quantization::pq, core::Quantization::binary}) {
    core::IndexParams params;
    params.dimension = kDimension;
    params.algorithm = core::Algorithm::hnsw;
    params.hnsw = {.m = 4, .ef_construction = 8};
    params.quantization = quantization;
    params.capacity = 40'000;
    auto index = core::Index::create(params);
    ASSERT_TRUE(index.ok()) << index.error().message;
    core::ReferenceId next = 0;
    std::vector<std::size_t> told;
    RowInserter rows(**index, next, 2, nullptr, [&](std::size_t count) { told.push_back(count); });
    ASSERT_TRUE(rows.add(some_rows(9'000, 1), nameless).ok());
    ASSERT_TRUE(rows.flush().ok());
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.back(), 9'000U);
    ASSERT_TRUE(rows.add(some_rows(17'000, 2), nameless).ok());
    ASSERT_TRUE(rows.flush().ok());
    EXPECT_EQ(told.size(), 4U);
    EXPECT_TRUE(std::ranges::is_sorted(told));
    EXPECT_EQ(told.back(), 26'000U);
    EXPECT_EQ((*index)->count(), 26'000U);
  }
}

}  // namespace
}  // namespace semroute::router
