#include "router/protocol/little_endian.h"

#include <gtest/gtest.h>

#include <limits>

namespace semroute::router {
namespace {

TEST(LittleEndian, TheLowestByteComesFirst) {
  std::string out;
  put(std::uint8_t{0xA7}, out);
  put(std::uint16_t{0x0102}, out);
  put(std::uint32_t{0x03040506}, out);
  put(std::uint64_t{0x0708090A0B0C0D0E}, out);
  put(1.0F, out);
  put(-2.0, out);
  EXPECT_EQ(out, std::string("\xA7\x02\x01\x06\x05\x04\x03\x0E\x0D\x0C\x0B\x0A\x09\x08\x07"
                             "\x00\x00\x80\x3F\x00\x00\x00\x00\x00\x00\x00\xC0",
                             27));
  FieldReader in(out);
  EXPECT_EQ(in.get<std::uint8_t>(), 0xA7);
  EXPECT_EQ(in.get<std::uint16_t>(), 0x0102);
  EXPECT_EQ(in.get<std::uint32_t>(), 0x03040506U);
  EXPECT_EQ(in.get<std::uint64_t>(), 0x0708090A0B0C0D0EU);
  EXPECT_EQ(in.get<float>(), 1.0F);
  EXPECT_EQ(in.get<double>(), -2.0);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.rest().empty());
}

TEST(LittleEndian, AFieldCanBeSetLater) {
  std::string out = "abcdefgh";
  put_at(std::uint16_t{0x4241}, 3, out);
  EXPECT_EQ(out, "abcABfgh");
}

TEST(LittleEndian, AReaderThatRunsOutReadsZerosFromThenOn) {
  FieldReader in("\x01\x02\x03");
  EXPECT_EQ(in.get<std::uint32_t>(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.get<std::uint8_t>(), 0U);  // not the byte that would have been there
  EXPECT_TRUE(in.bytes(1).empty());
  EXPECT_TRUE(in.rest().empty());
  EXPECT_FALSE(in.ok());
}

TEST(LittleEndian, BytesAreTakenWholeOrNotAtAll) {
  FieldReader in("abcdef");
  EXPECT_EQ(in.bytes(0), "");
  EXPECT_EQ(in.bytes(2), "ab");
  EXPECT_EQ(in.rest(), "cdef");
  EXPECT_EQ(in.bytes(4), "cdef");
  EXPECT_TRUE(in.ok());
  FieldReader less("abc");
  EXPECT_EQ(less.bytes(std::numeric_limits<std::uint64_t>::max()), "");
  EXPECT_FALSE(less.ok());
}

}  // namespace
}  // namespace semroute::router
