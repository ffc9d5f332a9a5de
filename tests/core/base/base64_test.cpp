#include "core/base/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace semroute::core {
namespace {

// The decoded text, or "(at N)" with the character at fault.
std::string decoded(std::string_view text) {
  std::string bytes(base64_bytes(text), '\0');
  const auto fault = decode_base64(text, std::as_writable_bytes(std::span(bytes)));
  return fault ? "(at " + std::to_string(*fault) + ")" : bytes;
}

std::string encoded(std::string_view bytes) {
  std::string text;
  append_base64(std::as_bytes(std::span(bytes)), text);
  return text;
}

TEST(Base64, AgreesWithTheExamplesOfItsStandard) {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                    {"f", "Zg=="},
                                                                                    {"fo", "Zm8="},
                                                                                    {"foo", "Zm9v"},
                                                                                    {"foob", "Zm9vYg=="},
                                                                                    {"fooba", "Zm9vYmE="},
                                                                                    {"foobar", "Zm9vYmFy"},
                                                                                    {"\xFB\xFF\xBF", "+/+/"}}) {
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
  }
}

TEST(Base64, IsStrictAndSaysWhere) {
  for (const auto& [text, said] :
       std::vector<std::pair<std::string, std::string>>{{"Zg", "(at 2)"},  // no padding
                                                        {"Zg=", "(at 3)"},
                                                        {"Zh==", "(at 1)"},  // unused bits
                                                        {"Zm9=", "(at 2)"},
                                                        {"Z===", "(at 1)"},  // too much padding
                                                        {"====", "(at 0)"},
                                                        {"Zm 8", "(at 2)"},
                                                        {"Zm8=Zm8=", "(at 3)"},  // padding inside
                                                        {"Zm-_", "(at 2)"},      // another alphabet
                                                        {"Zg==\n", "(at 5)"},
                                                        {"\xFFg==", "(at 0)"}}) {
    EXPECT_EQ(decoded(text), said) << text;
  }
}

TEST(Base64, BytesOfAnyKindComeBack) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(decoded(encoded(bytes)), bytes) << size;
  }
}

}  // namespace
}  // namespace semroute::core
