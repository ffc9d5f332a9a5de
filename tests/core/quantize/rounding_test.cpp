#include "core/quantize/rounding.h"

#include <gtest/gtest.h>

namespace semroute::core {
namespace {

TEST(Rounding, UpIsNeverBelow) {
  for (const double value : {0.0, 1.0, 0.1, 1.0 / 3.0, 1e-60, 1e-45, 1e38, 123456789.0}) {
    EXPECT_GE(static_cast<double>(round_up(value)), value);
    EXPECT_LE(static_cast<double>(round_up(value)), value * (1.0 + 2e-7) + 1.5e-45);
  }
  EXPECT_EQ(round_up(1e39), std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace semroute::core
