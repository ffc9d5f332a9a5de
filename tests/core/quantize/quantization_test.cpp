#include "core/quantize/quantization.h"

#include <gtest/gtest.h>

namespace semroute::core {
namespace {

TEST(Quantization, EveryWordNamesItself) {
  for (const std::string_view word : {"none", "f16", "int8", "pq", "binary"}) {
    const std::optional<Quantization> parsed = parse_quantization(word);
    ASSERT_TRUE(parsed) << word;
    EXPECT_EQ(to_string(*parsed), word);
  }
  for (const std::string_view word : {"", "F16", "int4", "binary "}) EXPECT_FALSE(parse_quantization(word)) << word;
}

}  // namespace
}  // namespace semroute::core
