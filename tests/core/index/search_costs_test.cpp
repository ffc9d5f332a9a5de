// What is measured differs from run to run; what is held here is what must follow from any of it.
#include "core/index/search_costs.h"

#include <gtest/gtest.h>

#include "tests/core/index/vectors.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::make_index;

TEST(SearchCosts, AreGuessesAtFirstAndGrowWithTheWork) {
  IndexParams params;
  params.dimension = 8;
  const SearchCosts costs(params);
  EXPECT_GT(costs.scan_ns(1), 0.0);
  EXPECT_GT(costs.look_up_ns(10), costs.look_up_ns(9));
  EXPECT_GT(costs.walk_ns(2), costs.walk_ns(1));
}

TEST(SearchCosts, AreThoseOfTheTable) {
  IndexParams params;
  params.dimension = 16;
  Readers readers;
  auto table = VectorTable::make(params, readers, active_kernels());
  ASSERT_TRUE(table.ok());
  SearchCosts costs(params);
  {
    const auto reading = readers.begin();
    costs.measure(*table.value(), nullptr, reading);  // an empty table teaches nothing
  }
  const double guessed = costs.scan_ns(1);
  const std::size_t count = 3'000;
  const auto rows = testing::clustered_vectors(Metric::cosine, count, 16, 1);
  std::vector<const float*> pointers;
  for (std::size_t row = 0; row < count; ++row) pointers.push_back(rows.data() + row * 16);
  std::vector<std::uint32_t> slots;
  std::vector<std::uint32_t> replaced;
  ASSERT_TRUE(table.value()->add(ascending_ids(count), pointers.data(), slots).ok());
  table.value()->publish(slots, replaced);
  const auto reading = readers.begin();
  costs.measure(*table.value(), nullptr, reading);
  EXPECT_NE(costs.scan_ns(1), guessed);
  EXPECT_GT(costs.scan_ns(1), 0.0);
  EXPECT_GT(costs.look_up_ns(1), 0.0);
  EXPECT_GT(costs.walk_ns(1), 0.0);
}

TEST(Adaptive, MakesItsGraphFromWhereItIsTold) {
  IndexParams params;
  params.dimension = 8;
  params.graph_from = 500;
  const auto index = make_index(params);
  const auto rows = testing::clustered_vectors(Metric::cosine, 600, 8, 1);
  const std::span<const float> all(rows);
  ASSERT_TRUE(index->insert(ascending_ids(499), all.first(499 * 8)).ok());
  index->wait_for_graph();
  EXPECT_FALSE(index->walks());
  ASSERT_TRUE(index->insert(499, all.subspan(499 * 8, 8)).ok());
  index->wait_for_graph();
  EXPECT_TRUE(index->walks());
  EXPECT_EQ(testing::search(*index, all.first(8), 600).size(), 500U);
}

TEST(Adaptive, FlatStaysFlatAndHnswWalksFromTheFirst) {
  for (const Algorithm algorithm : {Algorithm::flat, Algorithm::hnsw}) {
    IndexParams params;
    params.dimension = 4;
    params.algorithm = algorithm;
    params.graph_from = 10;
    const auto index = make_index(params);
    ASSERT_TRUE(index->insert(ascending_ids(100), testing::clustered_vectors(Metric::cosine, 100, 4, 1)).ok());
    EXPECT_EQ(index->walks(), algorithm == Algorithm::hnsw);
  }
}

}  // namespace
}  // namespace semroute::core
