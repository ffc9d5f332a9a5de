// Tables, endpoints, durations, JSON and base64: the small change of the tool.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "router/tool/endpoint.h"
#include "router/tool/json_text.h"
#include "router/tool/table.h"

namespace semroute::router::tool {
namespace {

TEST(Table, AlignsByCharactersNotBytes) {
  Table table;
  table.column("name");
  table.column("n", Align::right);
  table.row({"grüße", "7"});
  table.row({"x", "1234"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "name      n\ngrüße     7\nx      1234\n");
}

TEST(Table, ControlCharactersCannotSteerATerminal) {
  Table table;
  table.column("a");
  table.row({"\x1b[2J\nnext"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "a\n [2J next\n");
  Table c1;
  c1.column("a");
  c1.row({"x\xC2\x9By"});
  std::ostringstream shown;
  c1.print(shown);
  EXPECT_EQ(shown.str(), "a\nx  y\n") << "CSI in one character";
}

TEST(Table, ShortensByCharacters) {
  EXPECT_EQ(shortened("grüße", 5), "grüße");
  EXPECT_EQ(shortened("grüße!", 5), "grüß…");
  EXPECT_EQ(shortened("", 5), "");
}

TEST(Table, FixedTakesEveryNumber) {
  EXPECT_EQ(fixed(0.12345, 4), "0.1235");
  EXPECT_EQ(fixed(-2.0, 0), "-2");
  EXPECT_EQ(fixed(1e300, 2), "1.00e+300");
}

TEST(Endpoint, ReadsHostsAndBracketedAddresses) {
  const auto v4 = parse_endpoint("127.0.0.1:7311");
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 7311);
  const auto v6 = parse_endpoint("[::1]:0");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(to_string(*v6), "[::1]:0");
  EXPECT_EQ(parse_endpoint("localhost:1")->host, "localhost");
}

TEST(Endpoint, RefusesTheRest) {
  for (const char* wrong : {"", ":1", "host", "host:", "host:65536", "host:-1", "host:1x", "::1:5", "[::1]", "[]:1"}) {
    const auto parsed = parse_endpoint(wrong);
    ASSERT_FALSE(parsed.ok()) << wrong;
    EXPECT_NE(parsed.error().message.find("HOST:PORT"), std::string::npos);
  }
}

TEST(Duration, ReadsUnits) {
  EXPECT_EQ(parse_duration("250ms")->count(), 250);
  EXPECT_EQ(parse_duration("10s")->count(), 10'000);
  EXPECT_EQ(parse_duration("2m")->count(), 120'000);
  for (const char* wrong : {"", "5", "s", "-1s", "1.5s", "25h", "010s", "99999999999s"}) {
    EXPECT_FALSE(parse_duration(wrong).ok()) << wrong;
  }
}

TEST(Json, MakesValues) {
  const auto value = parse_json(R"({"a":1,"b":2.5,"c":"x","d":true,"e":[null,18446744073709551615]})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(number_of(*value, "a"), 1.0);
  EXPECT_EQ(number_of(*value, "b"), 2.5);
  EXPECT_EQ(text_of(*value, "c"), "x");
  EXPECT_EQ(boolean_of(*value, "d"), true);
  EXPECT_EQ(value->find("e")->list()->size(), 2U);
  EXPECT_FALSE(number_of(*value, "c"));
  EXPECT_FALSE(text_of(*value, "a"));
  EXPECT_FALSE(boolean_of(*value, "missing"));
  EXPECT_FALSE(parse_json("{").ok());
  EXPECT_FALSE(parse_json("").ok());
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})").ok());
  EXPECT_FALSE(parse_json("1 2").ok());
}

// What an export writes is what was kept, to the last bit.
TEST(Json, MakesExactNumbers) {
  for (const char* text : {"1.2345678901234567e-30", "0.1234567890123456789", "6.02214076e+23", "5e-324"}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value.ok()) << text;
    EXPECT_EQ(value->number(), std::strtod(text, nullptr)) << text;
  }
}

TEST(Json, MakesLargeValues) {
  std::string text = "[";
  for (int i = 0; i < 200'000; ++i) text += "1,";
  const auto value = parse_json(text + "1]");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->list()->size(), 200'001U);
}

TEST(Base64, IsOfLittleEndianFloat32) {
  EXPECT_EQ(base64_of(std::vector<float>{}), "");
  EXPECT_EQ(base64_of(std::vector<float>{1.0F}), "AACAPw==");
  EXPECT_EQ(base64_of(std::vector<float>{1.0F, -2.0F}), "AACAPwAAAMA=");
  EXPECT_EQ(base64_of(std::vector<float>{1.0F, -2.0F, 0.5F}), "AACAPwAAAMAAAAA/");
}

}  // namespace
}  // namespace semroute::router::tool
