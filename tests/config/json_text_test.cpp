#include "config/json_text.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <charconv>
#include <limits>

namespace semroute::config {
namespace {

namespace json = boost::json;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(JsonText, StringsAreEscaped) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("plain é € 😀"), "\"plain é € 😀\"");
  EXPECT_EQ(json_string("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_string("\n\r\t\x01\x1F\x7F"), R"("\n\u000d\u0009\u0001\u001f\u007f")");
  EXPECT_EQ(json_string(std::string_view("\0x", 2)), R"("\u0000x")");
}

TEST(JsonText, BytesThatAreNotUtf8AreReplaced) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(json_string("a\xFFz"), "\"a" + replacement + "z\"");
  EXPECT_EQ(json_string("\xC3"), '"' + replacement + '"');
  EXPECT_EQ(json_string("\xC3\xC3\xA9"), '"' + replacement + "\xC3\xA9\"");
  EXPECT_EQ(json_string("\xF0\x9F\x98"), '"' + replacement + replacement + replacement + '"');
  EXPECT_EQ(json_string("\xED\xA0\x80!"), '"' + replacement + replacement + replacement + "!\"");
}

TEST(JsonText, EveryStringReadsBack) {
  for (unsigned a = 0; a < 256; ++a) {
    for (const unsigned b : {0x00U, 0x22U, 0x41U, 0x5CU, 0x80U, 0xA9U, 0xBFU, 0xC3U, 0xFFU}) {
      const std::string text{static_cast<char>(a), static_cast<char>(b), 'x'};
      json::error_code problem;
      const json::value read = json::parse(json_string(text), problem);
      ASSERT_FALSE(problem) << a << ' ' << b;
      const bool is_text = (a < 0x80 && b < 0x80) || (a >= 0xC2 && a <= 0xDF && (b & 0xC0U) == 0x80);
      EXPECT_TRUE(!is_text || read.as_string() == text) << a << ' ' << b;
    }
  }
}

TEST(JsonText, NumbersAreShortestAndReadBackExactly) {
  const auto text = [](auto number) {
    std::string out;
    append_json_number(number, out);
    return out;
  };
  EXPECT_EQ(text(0.0F), "0");
  EXPECT_EQ(text(-0.0F), "-0");
  EXPECT_EQ(text(0.83F), "0.83");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1e30), "1e+30");
  for (const float number : {std::numeric_limits<float>::max(), std::numeric_limits<float>::min(),
                             std::numeric_limits<float>::denorm_min(), 1.0F / 3, 16777217.0F, -1e-10F}) {
    float back = 0;
    const std::string written = text(number);
    EXPECT_EQ(std::from_chars(written.data(), written.data() + written.size(), back).ec, std::errc{});
    EXPECT_EQ(back, number);
  }
  EXPECT_EQ(text(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(JsonText, ValuesOfEveryKind) {
  Value list;
  const auto value = [](auto data) {
    Value out;
    out.data = std::move(data);
    return out;
  };
  list.data = Value::List{value(true),
                          value(false),
                          value(std::int64_t{-9'007'199'254'740'993}),
                          value(0.5),
                          value(std::string("a\"")),
                          Value{},
                          value(Value::List{}),
                          value(Value::Map{{"k\n", {}, value(std::int64_t{1})}, {"", {}, {}}})};
  std::string out;
  append_json_value(list, out);
  EXPECT_EQ(out, R"([true,false,-9007199254740993,0.5,"a\"",null,[],{"k\n":1,"":null}])");
}

}  // namespace
}  // namespace semroute::config
