#include "core/quantize/training_rows.h"

#include <gtest/gtest.h>

#include <vector>

namespace semroute::core {
namespace {

TEST(TrainingRows, TakesAllThatFitAndThinsOutMoreEvenly) {
  std::vector<float> floats(20);
  for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i);
  const TrainingRows all(floats, 2, 10);
  ASSERT_EQ(all.count(), 10U);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(all.row(i)[0], static_cast<float>(2 * i));
  const TrainingRows some(floats, 2, 4);
  ASSERT_EQ(some.count(), 4U);
  const float expected[] = {0.0F, 4.0F, 10.0F, 14.0F};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(some.row(i)[0], expected[i]);
  EXPECT_EQ(TrainingRows({}, 2, 4).count(), 0U);
}

}  // namespace
}  // namespace semroute::core
