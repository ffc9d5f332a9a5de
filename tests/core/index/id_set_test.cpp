#include "core/index/id_set.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace semroute::core {
namespace {

TEST(IdSet, HoldsWhatWasAdded) {
  IdSet set(IdRange{1'000, 200});
  set.add(IdRange{1'060, 10});
  set.add(1'199);
  set.add(IdRange{1'065, 10});  // overlaps
  set.add(IdRange{1'100, 0});
  EXPECT_EQ(set.count(), 16U);
  std::vector<ReferenceId> ids;
  for (const ReferenceId id : set) ids.push_back(id);
  std::vector<ReferenceId> expected;
  for (ReferenceId id = 1'060; id < 1'075; ++id) expected.push_back(id);
  expected.push_back(1'199);
  EXPECT_EQ(ids, expected);
  for (const ReferenceId id : {0UL, 59UL, 999UL, 1'059UL, 1'075UL, 1'198UL, 1'200UL, ~0UL})
    EXPECT_FALSE(set.contains(id));
}

TEST(IdSet, IsEmptyAfterReset) {
  IdSet set(IdRange{0, 64});
  set.add(IdRange{0, 64});
  set.reset({10, 3});
  EXPECT_EQ(set.count(), 0U);
  EXPECT_FALSE(set.contains(11));
  set.add(12);
  EXPECT_TRUE(set.contains(12));
  EXPECT_EQ(set.span().first, 10U);
  EXPECT_EQ(IdSet().count(), 0U);
  EXPECT_FALSE(IdSet().contains(0));
}

TEST(IdSet, ReachesTheLastId) {
  IdSet set(IdRange{~ReferenceId{0} - 2, 3});
  set.add(~ReferenceId{0});
  EXPECT_TRUE(set.contains(~ReferenceId{0}));
  EXPECT_FALSE(set.contains(0));
}

TEST(IdSetDeathTest, IdsBeyondTheSpanAbort) {
  IdSet set(IdRange{5, 5});
  EXPECT_DEATH(set.add(4), "ids");
  EXPECT_DEATH(set.add(IdRange{8, 3}), "ids");
}

}  // namespace
}  // namespace semroute::core
