#include "config/json_check.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace semroute::config {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<Pairs> members_of(std::string_view text) {
  const auto members = json_members(text);
  if (!members) return std::nullopt;
  Pairs pairs;
  for (const auto& [key, value] : *members) pairs.emplace_back(key, value);
  return pairs;
}

TEST(JsonCheck, TellsWhatIsOneJsonValue) {
  for (const char* text :
       {"1", " null\n", "\"x\"", "[1, {\"a\":[]}]", "{}", "1e400", "\t{\"a\":\"\\ud83d\\ude00\"} "}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
  for (const char* text : {"", " ", "{", "1 2", "{}}", "\"\xff\"", "nul", "{'a':1}", "[1,]", "// x\n1"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
  const std::string deep(core::kMaxJsonDepth + 1, '[');
  EXPECT_FALSE(is_json(deep + std::string(core::kMaxJsonDepth + 1, ']')));
}

TEST(JsonCheck, MembersAreThoseOfTheObjectAsTheyWereWritten) {
  EXPECT_EQ(members_of(R"( { "a" : 1e2 ,"b":{"a":[1, "},\""]}  , "c\n\u00e9":"x\\" ,"a":[ ] } )"),
            (Pairs{{"a", "1e2"}, {"b", R"({"a":[1, "},\""]})"}, {"c\n\xc3\xa9", R"("x\\")"}, {"a", "[ ]"}}));
  EXPECT_EQ(members_of("{}"), Pairs{});
  EXPECT_EQ(members_of("{ \n}"), Pairs{});
  for (const char* text : {"[]", "1", "\"{}\"", "{\"a\":}", "{\"a\":1", "{\"a\":1}x", ""}) {
    EXPECT_EQ(members_of(text), std::nullopt) << text;
  }
}

TEST(JsonCheck, StringsStandForTheirText) {
  EXPECT_EQ(json_string_value(R"("a\"\n\u00e9")"), "a\"\n\xc3\xa9");
  EXPECT_EQ(json_string_value(R"("")"), "");
  for (const char* text : {"1", "\"a", "\"a\" 1", "null", ""}) EXPECT_EQ(json_string_value(text), std::nullopt) << text;
}

}  // namespace
}  // namespace semroute::config
