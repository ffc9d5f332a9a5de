#include "core/index/top_k.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace semroute::core {
namespace {

// Offers in random order with many equal scores, against sorting all of them; sizes on both sides of the
// change from a sorted list to a heap.
TEST(TopK, KeepsWhatSortingWouldPutFirst) {
  std::mt19937 random(1);
  for (const std::size_t k : {1U, 2U, 10U, 63U, 64U, 65U, 100U, 1'000U}) {
    std::vector<Hit> offers;
    for (ReferenceId id = 0; id < 700; ++id) offers.push_back({id, static_cast<float>(random() % 50)});
    std::shuffle(offers.begin(), offers.end(), random);
    std::vector<Hit> kept(k);
    TopK best(kept);
    for (const Hit& offer : offers) best.offer(offer);
    const std::size_t count = best.finish();
    std::sort(offers.begin(), offers.end(), better);
    ASSERT_EQ(count, std::min(k, offers.size()));
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(kept[i].id, offers[i].id) << "k " << k << ", rank " << i;
  }
}

TEST(TopK, SaysWhetherAHitWasTaken) {
  Hit kept[2];
  TopK best(kept);
  EXPECT_TRUE(best.offer({.id = 5, .score = 1.0F}));
  EXPECT_FALSE(best.full());
  EXPECT_TRUE(best.offer({.id = 6, .score = 2.0F}));
  ASSERT_TRUE(best.full());
  EXPECT_EQ(best.worst().id, 5U);
  EXPECT_FALSE(best.offer({.id = 7, .score = 1.0F})) << "an equal score of a larger id";
  EXPECT_TRUE(best.offer({.id = 4, .score = 1.0F})) << "an equal score of a smaller id";
  EXPECT_EQ(best.worst().id, 4U);
}

}  // namespace
}  // namespace semroute::core
