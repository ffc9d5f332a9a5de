#include "router/routes/id_ranges.h"

#include <gtest/gtest.h>

#include <random>

namespace semroute::router {
namespace {

using Ids = std::vector<core::ReferenceId>;

TEST(IdRanges, JoinWhatGoesOn) {
  IdRanges ids({3, 2});
  ids.append({5, 1});
  ids.append({9, 0});
  ids.append({9, 2});
  ids.append({2, 1});
  EXPECT_EQ(ids.parts().size(), 3U);
  EXPECT_EQ(ids.count(), 6U);
  EXPECT_EQ(ids.ids(), (Ids{3, 4, 5, 9, 10, 2}));
  EXPECT_EQ(ids.id(3), 9U);
  EXPECT_TRUE(IdRanges().empty());
}

TEST(IdRanges, LoseRowsAndKeepTheOrderOfTheOthers) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    IdRanges ids;
    core::ReferenceId next = 0;
    for (auto part = random() % 5; part > 0; --part) {
      next += random() % 3;
      const std::size_t count = random() % 6;
      ids.append({next, count});
      next += count;
    }
    const Ids all = ids.ids();
    std::vector<std::size_t> rows;
    Ids kept;
    Ids lost;
    for (std::size_t row = 0; row < all.size(); ++row) {
      const bool goes = random() % 3 == 0;
      if (goes) rows.push_back(row);
      (goes ? lost : kept).push_back(all[row]);
      EXPECT_EQ(ids.id(row), all[row]);
    }
    IdRanges removed;
    const IdRanges rest = ids.without(rows, removed);
    EXPECT_EQ(rest.ids(), kept);
    EXPECT_EQ(removed.ids(), lost);
    EXPECT_EQ(rest.count(), kept.size());
  }
}

}  // namespace
}  // namespace semroute::router
