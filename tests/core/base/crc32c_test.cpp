#include "core/base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace semroute::core {
namespace {

std::string bytes_from(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(first + step * i);
  return bytes;
}

// RFC 3720, appendix B.4, and the check value of the catalogues.
const std::vector<std::pair<std::string, std::uint32_t>> kKnown{{"", 0x00000000},
                                                                {"123456789", 0xE3069283},
                                                                {std::string(32, '\0'), 0x8A9136AA},
                                                                {std::string(32, '\xFF'), 0x62A8AB43},
                                                                {bytes_from(0, 1), 0x46DD794E},
                                                                {bytes_from(31, -1), 0x113FDB5C}};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Bit by bit, from the definition.
std::uint32_t plain(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~0U;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

TEST(Crc32c, EveryMethodKnowsTheStandardsExamples) {
  ASSERT_EQ(crc32c_methods().back().name, "table");
  for (const Crc32cMethod& method : crc32c_methods())
    for (const auto& [text, value] : kKnown) EXPECT_EQ(method.of(bytes_of(text), 0), value) << method.name << text;
}

TEST(Crc32c, EveryMethodAgreesWithTheDefinitionAtEveryLengthAndPlace) {
  std::mt19937 random(3);
  std::string text(40'000, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  std::vector<std::size_t> lengths{3 * 256, 3 * 256 + 7, 3 * 4096 - 1, 3 * 4096, 3 * 4096 + 800, 39'000};
  for (std::size_t length = 0; length < 70; ++length) lengths.push_back(length);
  for (const std::size_t length : lengths) {
    for (std::size_t place = 0; place < 9; ++place) {
      const auto bytes = bytes_of(text).subspan(place, length);
      const std::uint32_t expected = plain(bytes);
      for (const Crc32cMethod& method : crc32c_methods())
        EXPECT_EQ(method.of(bytes, 0), expected) << method.name << " " << length << " " << place;
    }
  }
}

TEST(Crc32c, PartsContinueEachOther) {
  std::string text(20'000, 'x');
  const auto all = bytes_of(text);
  for (const std::size_t cut : {0U, 1U, 9U, 800U, 12'289U, 20'000U}) {
    for (const Crc32cMethod& method : crc32c_methods())
      EXPECT_EQ(method.of(all.subspan(cut), method.of(all.first(cut), 0)), crc32c(all)) << method.name << cut;
  }
}

TEST(Crc32c, PartsAreJoined) {
  std::mt19937 random(4);
  std::string text(70'000, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  const auto all = bytes_of(text);
  for (const std::size_t first : {0U, 1U, 8U, 333U, 4'096U, 65'535U, 70'000U})
    EXPECT_EQ(crc32c_joined(crc32c(all.first(first)), crc32c(all.subspan(first)), text.size() - first), crc32c(all))
        << first;
  // As zlib's crc32_combine: a part that was not looked at at all counts for its length.
  EXPECT_EQ(crc32c_joined(0, crc32c(all), text.size()), crc32c(all));
}

}  // namespace
}  // namespace semroute::core
