// Numbers and base64 to floats, against strtof and by hand.
#include "router/protocol/float_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace semroute::router {
namespace {

using testing::ElementsAre;

struct Scan {
  FloatScan scan;
  std::vector<float> values;
};

// Precondition: `text` outlives what is returned.
Scan scanned(std::string_view text) {
  Scan out;
  out.scan = scan_float_array(text, out.values);
  return out;
}

// Bits, so that -0 is not 0.
void expect_as_strtof(const std::string& number) {
  const std::string text = '[' + number + ']';
  const Scan read = scanned(text);
  const float expected = std::strtof(number.c_str(), nullptr);
  if (std::isinf(expected)) {
    EXPECT_EQ(read.scan.fault, FloatFault::out_of_range) << number;
    return;
  }
  ASSERT_EQ(read.scan.fault, FloatFault::none) << number;
  ASSERT_EQ(read.values.size(), 1U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(read.values[0]), std::bit_cast<std::uint32_t>(expected)) << number;
}

TEST(FloatText, AwkwardNumbersRoundOnce) {
  const std::string zeros(400, '0');
  for (const std::string& number : std::vector<std::string>{
           "0",
           "-0",
           "0.0",
           "-0.0",
           "0e0",
           "-0e999999",
           "0.000e-5",
           "1",
           "-1",
           "0.1",
           "0.5",
           "123456789",
           "1e22",
           "1e23",
           "1e-22",
           "1e-23",
           "1e38",
           "1e39",
           "-1e39",
           "1e400",
           "1e-400",
           "-1e-400",
           "1e-37",
           "1e-38",
           "1e-40",
           "1e-44",
           "1e-45",
           "7e-46",
           "7.0064923216240854e-46",
           "7.006492321624086e-46",
           "1.17549435e-38",
           "1.1754943e-38",
           "1.1754942106924411e-38",
           "3.4028234663852886e38",
           "3.4028235e38",
           "3.40282356e38",
           "3.4028235677973366e38",
           "340282356779733661637539395458142568447",
           "340282356779733661637539395458142568448",
           // 17 and more digits, at and around the middle of two neighbours
           "0.10000000149011612",
           "0.100000001490116119384765625",
           "0.1000000052154064178466796875",
           "0.10000000521540641784667968751",
           "0.10000000521540641784667968749",
           "16777217",
           "16777217.0000001",
           "16777216.9999999",
           "16777219",
           "33554434.0000000000000000001",
           "33554434",
           "33554433.9999999999",
           "9007199254740993",
           "18446744073709551615",
           "18446744073709551616",
           "99999999999999999999",
           "1.00000005960464477539062500000000000000000000000000000",
           "1.000000059604644775390625000000000001",
           "0." + zeros + "1e400",
           "1" + zeros + "e-400",
           "0." + zeros + "123456789e401",
           "1" + zeros,
           "12345678901234567890e-20",
           "1234567890123456789e-19",
           "1234567890123456789",
           "0.12345678",
           "0.123456789012345678",
           "4.7019774032891500318749461488889827112746622270883e-38",
           "1E5",
           "1e+5",
           "1e05",
           "1e-05",
           "2.5E-3",
       }) {
    expect_as_strtof(number);
    if (number[0] != '-') expect_as_strtof('-' + number);
  }
}

TEST(FloatText, RandomNumbersOfEveryLengthRoundOnce) {
  std::uint64_t random = 2463534242U;
  const auto next = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return random;
  };
  std::array<char, 64> text{};
  for (int round = 0; round < 40'000; ++round) {
    const auto bits = static_cast<std::uint32_t>(next());
    const auto value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const auto shortest = std::to_chars(text.data(), text.data() + text.size(), value);
    expect_as_strtof({text.data(), shortest.ptr});
    std::snprintf(text.data(), text.size(), "%.*g", static_cast<int>(next() % 25 + 1), static_cast<double>(value));
    expect_as_strtof(text.data());
    // The exact middle of two neighbours has one bit more, which a double holds; then its neighbours.
    const double middle = (static_cast<double>(value) + static_cast<double>(std::nextafter(value, 0.0F))) / 2;
    for (const double near : {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 2 * middle)}) {
      std::snprintf(text.data(), text.size(), "%.17g", near);
      expect_as_strtof(text.data());
    }
    // As models give them: under 1, seven to nine digits.
    std::snprintf(text.data(), text.size(), "%.*f", static_cast<int>(next() % 12 + 1),
                  static_cast<double>(next() % 2'000'000'000) / 1e9 - 1);
    expect_as_strtof(text.data());
  }
}

TEST(FloatText, ReadsTheArrayInFrontAndNothingElse) {
  const Scan read = scanned("[ 1 , 2.5\t,\n-3e1 ] , 4]");
  EXPECT_EQ(read.scan.fault, FloatFault::none);
  EXPECT_EQ(read.scan.bytes, 18U);
  EXPECT_THAT(read.values, ElementsAre(1, 2.5, -30));
  EXPECT_EQ(scanned("[ ]x").scan.bytes, 3U);
  std::vector<float> more{7};
  EXPECT_EQ(scan_float_array("[1]", more).fault, FloatFault::none);
  EXPECT_THAT(more, ElementsAre(7, 1));
}

TEST(FloatText, ManyNumbersKeepTheirOrder) {
  for (const std::size_t count : {255U, 256U, 257U, 512U, 1537U}) {
    std::string text = "[0";
    for (std::size_t i = 1; i < count; ++i) text += ',' + std::to_string(i);
    text += ']';
    const Scan read = scanned(text);
    ASSERT_EQ(read.values.size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(read.values[i], static_cast<float>(i));
  }
}

TEST(FloatText, WhatIsNoArrayOfNumbersNamesTheElement) {
  struct Case {
    const char* text;
    std::size_t number;
  };
  for (const auto& [text, number] :
       {Case{"", 0},         Case{"x", 0},       Case{"1", 0},        Case{"[", 0},         Case{"[1", 0},
        Case{"[1,", 1},      Case{"[1,]", 1},    Case{"[,1]", 0},     Case{"[1,2,x]", 2},   Case{"[1 2]", 0},
        Case{"[1,-]", 1},    Case{"[1,01]", 1},  Case{"[1,+1]", 1},   Case{"[1,.5]", 1},    Case{"[1,5.]", 1},
        Case{"[1,1e]", 1},   Case{"[1,1e+]", 1}, Case{"[1,1.e5]", 1}, Case{"[1,0x1]", 1},   Case{"[1,NaN]", 1},
        Case{"[1,null]", 1}, Case{"[1,[2]]", 1}, Case{"[1,--1]", 1},  Case{"[1,1e5.5]", 1}, Case{"[1,00]", 1},
        Case{"[1,-01]", 1},  Case{"[1,1_0]", 1}, Case{"[1,1,000", 2}}) {
    const Scan read = scanned(text);
    EXPECT_EQ(read.scan.fault, FloatFault::not_an_array) << text;
    EXPECT_EQ(read.scan.number, number) << text;
  }
}

// The eight-digits-at-once path, and a text that ends within it.
TEST(FloatText, EveryBeginningOfAnArrayIsNone) {
  const std::string text = "[0.1234567890123456789,12345678.12345678e-10]";
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string part(text, 0, length);
    EXPECT_EQ(scanned(part).scan.fault, FloatFault::not_an_array) << part;
  }
  EXPECT_EQ(scanned("[0.1234567:]").scan.fault, FloatFault::not_an_array);
  EXPECT_EQ(scanned("[0.123/5678]").scan.fault, FloatFault::not_an_array);
}

TEST(FloatText, TheFirstNumberOutOfRangeIsNamedAndTheRestIsRead) {
  const Scan read = scanned("[1,-1e39,1e40,2]");
  EXPECT_EQ(read.scan.fault, FloatFault::out_of_range);
  EXPECT_EQ(read.scan.number, 1U);
  EXPECT_EQ(read.scan.source, "-1e39");
  EXPECT_EQ(read.scan.bytes, 16U);
  EXPECT_EQ(scanned("[1e39,x]").scan.fault, FloatFault::not_an_array);
}

TEST(FloatText, Base64GivesTheFloatsBack) {
  std::vector<float> out{7};
  EXPECT_EQ(decode_float_base64("", out).fault, FloatFault::none);
  EXPECT_EQ(decode_float_base64("AACAPw==", out).fault, FloatFault::none);
  EXPECT_EQ(decode_float_base64("AAAAQAAAQEA=", out).fault, FloatFault::none);
  EXPECT_EQ(decode_float_base64("AACAQAAAoEAAAMBA", out).fault, FloatFault::none);
  EXPECT_THAT(out, ElementsAre(7, 1, 2, 3, 4, 5, 6));
}

TEST(FloatText, EveryByteSurvivesBase64) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t floats = 1; floats <= 100; ++floats) {
    std::string bytes;
    for (std::size_t i = 0; i < floats * 4; ++i) bytes += static_cast<char>(i * 37 + floats);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      std::uint32_t group = 0;
      for (std::size_t j = 0; j < 3; ++j)
        group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
      for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
    }
    std::vector<float> out;
    const FloatScan read = decode_float_base64(text, out);
    ASSERT_EQ(read.fault, FloatFault::none) << text;
    EXPECT_EQ(read.bytes, text.size());
    ASSERT_EQ(out.size(), floats);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()), bytes.size()), bytes);
  }
}

TEST(FloatText, Base64IsStrict) {
  for (const char* text : {"A", "AA", "AAA", "AACAPw=", "AACAPw", "AACAP===", "AA==APw=", "AACAPx==", "AAAAQAAAQEB=",
                           "AACA-w==", "AACA_w==", "AACA w==", "=ACAPw==", "====", "AACAPw==\n", "AACAPw==AAAA"}) {
    std::vector<float> out;
    EXPECT_EQ(decode_float_base64(text, out).fault, FloatFault::not_base64) << text;
  }
  std::vector<float> out;
  EXPECT_EQ(decode_float_base64("AACA!w==", out).bytes, 4U);
  for (const char* text : {"AA==", "AAA=", "AAAA", "AACAPwA="}) {
    EXPECT_EQ(decode_float_base64(text, out).fault, FloatFault::not_float_size) << text;
  }
}

TEST(FloatText, TheFirstNotFiniteIsFound) {
  std::vector<float> values(20, std::numeric_limits<float>::max());
  values[3] = std::numeric_limits<float>::denorm_min();
  values[4] = -0.0F;
  EXPECT_EQ(first_not_finite(values.data(), values.size()), 20U);
  values[19] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(first_not_finite(values.data(), values.size()), 19U);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(first_not_finite(values.data(), values.size()), 7U);
  EXPECT_EQ(first_not_finite(values.data(), 0), 0U);
}

}  // namespace
}  // namespace semroute::router
