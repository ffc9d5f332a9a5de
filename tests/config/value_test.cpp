#include "config/value.h"

#include <gtest/gtest.h>

#include "config/yaml_reader.h"

namespace semroute::config {
namespace {

Value tree(std::string_view yaml) {
  Diagnostics diagnostics("t.yaml");
  auto value = read_yaml(yaml, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  return value.value_or(Value{});
}

TEST(Value, EqualityLooksAtTypeAndContentNotAtPlaces) {
  EXPECT_EQ(tree("{a: 1, b: [x, true]}"), tree("b:\n  - x\n  - true\na: 1\n"));
  EXPECT_NE(tree("{a: 1}"), tree("{a: '1'}"));
  EXPECT_NE(tree("{a: true}"), tree("{a: 'true'}"));
  EXPECT_NE(tree("{a: 1}"), tree("{a: 1, b: 2}"));
  EXPECT_NE(tree("[1, 2]"), tree("[2, 1]"));
}

TEST(Value, AnIntegerEqualsARealOfTheSameValueOnly) {
  EXPECT_EQ(tree("3"), tree("3.0"));
  EXPECT_NE(tree("3"), tree("3.5"));
  EXPECT_NE(tree("9007199254740993"), tree("9007199254740992.0"));
  EXPECT_NE(tree("9223372036854775807"), tree("9223372036854775808.0"));
  EXPECT_EQ(tree("9223372036854775808"), tree("9223372036854775808.0"));
  EXPECT_EQ(tree("9223372036854775808.0"), tree("9223372036854775808"));
  EXPECT_NE(tree("9223372036854775809"), tree("9223372036854775808.0"));
  EXPECT_NE(tree("18446744073709551615"), tree("18446744073709551616.0"));
  EXPECT_NE(tree("18446744073709551615"), tree("-1"));
  EXPECT_NE(tree("18446744073709551615"), tree("-1.0"));
  EXPECT_NE(tree("1.0"), tree("'1.0'"));
}

TEST(Value, KnowsNumbersAndScalars) {
  EXPECT_EQ(tree("-3").number(), -3.0);
  EXPECT_EQ(tree("18446744073709551615").number(), 0x1p64);
  EXPECT_EQ(tree("0.5").number(), 0.5);
  EXPECT_EQ(tree("'1'").number(), std::nullopt);
  for (const char* text : {"1", "18446744073709551615", "0.5", "true", "x"})
    EXPECT_TRUE(tree(text).is_scalar()) << text;
  for (const char* text : {"[]", "{}", "null"}) EXPECT_FALSE(tree(text).is_scalar()) << text;
  EXPECT_EQ(tree("18446744073709551615").type_name(), "an integer");
}

TEST(Value, FindsMembersByKey) {
  const Value value = tree("{a: 1, b: x}");
  ASSERT_NE(value.find("b"), nullptr);
  EXPECT_EQ(*value.find("b")->string(), "x");
  EXPECT_EQ(value.find("c"), nullptr);
  EXPECT_EQ(tree("[1]").find("a"), nullptr);
}

}  // namespace
}  // namespace semroute::config
