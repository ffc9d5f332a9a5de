// One JSON value at the front of a text: where it ends, what it says, and what makes it refused.
#include "router/protocol/json_values.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace semroute::router {
namespace {

TEST(JsonValues, SkipFindsTheEnd) {
  JsonValues values(4);
  EXPECT_EQ(values.skip("1,2").bytes, 1U);
  EXPECT_EQ(values.skip("12 \t\n").bytes, 2U);
  EXPECT_EQ(values.skip(" {\"a\":[1,\"]\"]} }").bytes, 14U);
  EXPECT_EQ(values.skip("\"a\\\"b\"x").bytes, 6U);
  EXPECT_EQ(values.skip("true}").bytes, 4U);
  for (const char* text : {"", " ", "]", "tru", "\"a", "[1", "[1,]", "{\"a\"}", "nan", "01x"}) {
    EXPECT_EQ(values.skip(text).bytes, text == std::string("01x") ? 1U : 0U) << text;
  }
}

TEST(JsonValues, WhatBreaksARuleIsMeasured) {
  JsonValues values(4);
  config::Value tree;
  JsonScan scan = values.skip("[1e400,2],3");
  EXPECT_EQ(scan.fault, JsonFault::out_of_range);
  EXPECT_EQ(scan.bytes, 9U);
  scan = values.read("[1e400,2],3", tree);
  EXPECT_EQ(scan.fault, JsonFault::out_of_range);
  EXPECT_EQ(scan.bytes, 9U);
  scan = values.read(R"({"a":1,"b":2,"a":3} x)", tree);
  EXPECT_EQ(scan.fault, JsonFault::duplicate_key);
  EXPECT_EQ(scan.key, "a");
  EXPECT_EQ(scan.bytes, 19U);
  std::string many = "[0";
  for (std::size_t i = 1; i < core::kMaxFilterValues; ++i) many += ",0";
  scan = values.read(many + "] ", tree);
  EXPECT_EQ(scan.fault, JsonFault::too_many);
  EXPECT_EQ(scan.bytes, many.size() + 1);
  // Refused for one thing before it turned out to be no JSON at all.
  scan = values.read(R"([{"a":1,"a":2},)", tree);
  EXPECT_EQ(scan.fault, JsonFault::malformed);
  EXPECT_EQ(scan.bytes, 0U);
}

TEST(JsonValues, DepthIsBounded) {
  JsonValues values(4);
  config::Value tree;
  EXPECT_EQ(values.skip("[[[[]]]]").bytes, 8U);
  EXPECT_EQ(values.skip("[[[[[]]]]]").fault, JsonFault::too_deep);
  EXPECT_EQ(values.read("[[[{\"a\":[]}]]]", tree).fault, JsonFault::too_deep);
  EXPECT_EQ(values.skip("[]").fault, JsonFault::none);  // as new
}

TEST(JsonValues, ReadMakesTheTree) {
  JsonValues values(8);
  config::Value tree;
  const JsonScan scan = values.read(R"({"a":[1,-2,0.1,18446744073709551615,true,null],"":{"\u00e9":"x\ny"}} )", tree);
  ASSERT_EQ(scan.fault, JsonFault::none);
  const auto& list = *tree.find("a")->list();
  EXPECT_EQ(*list[0].integer(), 1);
  EXPECT_EQ(*list[1].integer(), -2);
  EXPECT_EQ(*list[2].real(), 0.1);
  EXPECT_EQ(*list[3].large_integer(), 18446744073709551615U);
  EXPECT_EQ(*list[4].boolean(), true);
  EXPECT_TRUE(list[5].is_null());
  EXPECT_EQ(*tree.find("")->find("\xC3\xA9")->string(), "x\ny");
  std::string text;
  EXPECT_EQ(values.read_string(R"("a\u0062\ud83d\ude00"...)", text).bytes, 21U);
  EXPECT_EQ(text, "ab\xF0\x9F\x98\x80");
}

// A number that is kept is kept as it is: what would be rounded is refused, and what follows it is read.
TEST(JsonValues, IntegersAreKeptExactlyOrRefused) {
  JsonValues values(8);
  config::Value tree;
  ASSERT_EQ(values.read("18446744073709551616", tree).fault, JsonFault::none);
  EXPECT_EQ(*tree.real(), 0x1p64);
  ASSERT_EQ(values.read("-9223372036854775808", tree).fault, JsonFault::none);
  EXPECT_EQ(*tree.integer(), INT64_MIN);
  for (const char* text : {"18446744073709551617", "-9223372036854775809", "100000000000000000000001"}) {
    const JsonScan scan = values.read(std::string(text) + " ,", tree);
    EXPECT_EQ(scan.fault, JsonFault::inexact) << text;
    EXPECT_EQ(scan.bytes, std::string(text).size());
    EXPECT_EQ(values.skip(text).fault, JsonFault::none) << "payloads are only checked";
  }
  ASSERT_EQ(values.read("100000000000000000000001.0", tree).fault, JsonFault::none) << "a real is the nearest float64";
}

TEST(JsonValues, IsJsonTakesOneValueAlone) {
  for (const char* text : {"{}", " [1e400] ", "\"x\"\n", "null", "1"}) EXPECT_TRUE(is_json(text)) << text;
  for (const char* text : {"", " ", "{} {}", "1 2", "[", "\"\xFF\"", "'a'", "[1,]"})
    EXPECT_FALSE(is_json(text)) << text;
}

}  // namespace
}  // namespace semroute::router
