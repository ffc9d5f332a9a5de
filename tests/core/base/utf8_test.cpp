#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace semroute::core {
namespace {

TEST(Utf8, IsHeldToItsRules) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  for (const char* text : {"\xFF", "\xC3", "\xC3(", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                           "\xF0\x80\x80\xAF", "a\x80", "\xE2\x82", "\xF5\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8, TellsTheBeginningOfACharacterFromWhatIsNone) {
  for (const char* text : {"\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F", "\xF0\x9F\x98", "\xE0\xA0", "\xED\x9F",
                           "\xF4\x8F", "\xF4\x8F\xBF"})
    EXPECT_TRUE(is_cut_utf8(text));
  for (const char* text : {"", "a", "\xC3\xA9", "\x80", "\xC0", "\xC1", "\xE0\x80", "\xED\xA0", "\xF0\x80", "\xF4\x90",
                           "\xF5", "\xFF", "\xE2(", "\xE2\x82\xAC", "\xC3z"})
    EXPECT_FALSE(is_cut_utf8(text)) << text;
}

// Every code point is one character; every surrogate is none.
TEST(Utf8, CountsTheBytesOfEveryCharacter) {
  for (unsigned point = 0; point <= 0x10FFFF; ++point) {
    std::string text;
    const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80U | ((point >> shift) & 0x3FU)); };
    if (point < 0x80) {
      text += static_cast<char>(point);
    } else if (point < 0x800) {
      text += static_cast<char>(0xC0U | (point >> 6U));
      tail(0);
    } else if (point < 0x10000) {
      text += static_cast<char>(0xE0U | (point >> 12U));
      tail(6);
      tail(0);
    } else {
      text += static_cast<char>(0xF0U | (point >> 18U));
      tail(12);
      tail(6);
      tail(0);
    }
    const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    ASSERT_EQ(utf8_length(text + "x"), is_surrogate ? 0 : text.size()) << point;
  }
  EXPECT_EQ(utf8_length(""), 0U);
}

}  // namespace
}  // namespace semroute::core
