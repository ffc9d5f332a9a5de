#include "config/scalar.h"

#include <gtest/gtest.h>

namespace semroute::config {
namespace {

using std::chrono::milliseconds;

template <class T>
T typed(std::string_view text) {
  const core::Result<Value> value = parse_plain_scalar(text);
  EXPECT_TRUE(value.ok()) << text;
  EXPECT_EQ(value->text, text);
  const T* data = std::get_if<T>(&value->data);
  EXPECT_NE(data, nullptr) << text << " is " << value->type_name();
  return data != nullptr ? *data : T{};
}

TEST(PlainScalar, HasTheTypesOfTheCoreSchema) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) EXPECT_TRUE(parse_plain_scalar(text)->is_null()) << text;
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_TRUE(typed<bool>(text)) << text;
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_FALSE(typed<bool>(text)) << text;
  EXPECT_EQ(typed<std::int64_t>("0"), 0);
  EXPECT_EQ(typed<std::int64_t>("-17"), -17);
  EXPECT_EQ(typed<std::int64_t>("+5"), 5);
  EXPECT_EQ(typed<std::int64_t>("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(typed<std::int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(typed<std::uint64_t>("9223372036854775808"), std::uint64_t{1} << 63);
  EXPECT_EQ(typed<std::uint64_t>("+18446744073709551615"), UINT64_MAX);
  // Beyond 64 bits what a float64 is exactly, as numbers are written.
  EXPECT_EQ(typed<double>("18446744073709551616"), 0x1p64);
  EXPECT_EQ(typed<double>("-9223372036854777856"), -0x1.0000000000001p63);
  EXPECT_EQ(typed<double>("0.5"), 0.5);
  EXPECT_EQ(typed<double>("-1e-3"), -1e-3);
  EXPECT_EQ(typed<double>("+1.5E+2"), 150.0);
  EXPECT_EQ(typed<double>(".5"), 0.5);
  EXPECT_EQ(typed<double>("5."), 5.0);
}

TEST(PlainScalar, LeavesEverythingElseAString) {
  for (const char* text : {"off", "yes", "no", "on", "nULL", "12:30", "1_000", "1.2.3", "0x", "0xZZ", "e5", ".", "-",
                           "1e", "64KiB", "250ms", "-x", "abc"}) {
    EXPECT_EQ(typed<std::string>(text), text);
  }
}

TEST(PlainScalar, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {"010", "-010", "00", "007.5", "0x1F", "0o17", ".inf", "-.inf", "+.Inf", ".nan", ".NaN",
                           "18446744073709551617", "-9223372036854775809", "1e400", "-1e999"}) {
    const core::Result<Value> value = parse_plain_scalar(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_NE(value.error().message.find(text), std::string::npos) << value.error().message;
  }
}

TEST(Duration, ReadsAnIntegerAndAUnit) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
  EXPECT_EQ(parse_duration("2s"), milliseconds{2'000});
  EXPECT_EQ(parse_duration("1m"), milliseconds{60'000});
  EXPECT_EQ(parse_duration("3h"), milliseconds{10'800'000});
  EXPECT_EQ(parse_duration("0s"), milliseconds{0});
  for (const char* text : {"", "5", "s", "1.5s", "-1s", "1 s", "1S", "1d", "1s ", "01s", "99999999999999999999s",
                           "9223372036854775807h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, IsWrittenInTheLargestUnitThatDivides) {
  for (const char* text : {"0s", "1ms", "1500ms", "2s", "90s", "1m", "24h"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
  EXPECT_EQ(format_duration(milliseconds{60'000}), "1m");
}

TEST(Size, ReadsBytesAndBinaryUnits) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1000"), 1'000U);
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("16MiB"), 16'777'216U);
  EXPECT_EQ(parse_size("1GiB"), 1'073'741'824U);
  for (const char* text : {"", "KiB", "64KB", "64kib", "1.5MiB", "-1", "1 MiB", "8589934592GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_size(16'777'216), "16MiB");
  EXPECT_EQ(format_size(1'500), "1500");
  EXPECT_EQ(format_size(0), "0");
}

TEST(Name, HasBoundsAndNoControlCharacters) {
  EXPECT_EQ(name_problem("billing \xC3\xA9"), std::nullopt);
  EXPECT_EQ(name_problem(std::string(128, 'x')), std::nullopt);
  EXPECT_TRUE(name_problem(std::string(129, 'x')));
  for (const char* name : {"", "a/b", "a\nb", "a\x7F", "\xC2\x85", "\xFF"}) EXPECT_TRUE(name_problem(name)) << name;
}

TEST(NearestWord, FindsWhatWasMeantAndNothingFarther) {
  const std::vector<std::string_view> words{"listen", "limits", "index", "admin"};
  EXPECT_EQ(nearest_word("listn", words), "listen");
  EXPECT_EQ(nearest_word("limit", words), "limits");
  EXPECT_EQ(nearest_word("idnex", words), "index");
  EXPECT_EQ(nearest_word("colour", words), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

}  // namespace
}  // namespace semroute::config
