#include "config/header_rules.h"

#include <gtest/gtest.h>

namespace semroute::config {
namespace {

TEST(HeaderRules, NamesAreTokens) {
  for (const char* name : {"x-tenant", "X_1", "!#$%&'*+-.^_`|~"}) EXPECT_TRUE(is_header_name(name)) << name;
  for (const char* name : {"", "a b", "a:", "a\r", "\xC3\xA9", "a(b)", "\x7F"}) {
    EXPECT_FALSE(is_header_name(name)) << name;
  }
}

TEST(HeaderRules, ValuesAreVisibleAsciiWithBlanksInsideOnly) {
  for (const char* value : {"", "a", "a b\tc", "~!"}) EXPECT_TRUE(is_header_value(value)) << value;
  for (const char* value : {" a", "a ", "\ta", "a\r\nb", "a\nb", "\xC3\xA9", "a\x7F", "a\x01"}) {
    EXPECT_FALSE(is_header_value(value)) << value;
  }
  EXPECT_FALSE(is_header_value(std::string_view("a\0b", 3)));
}

TEST(HeaderRules, ALengthIsDigitsAlone) {
  for (const char* value : {"0", "007", "18446744073709551616"}) EXPECT_TRUE(is_content_length(value)) << value;
  for (const char* value : {"", "+1", "-1", "1 ", "1,1", "0x1", "1.0"}) EXPECT_FALSE(is_content_length(value)) << value;
}

TEST(HeaderRules, WhatTheDaemonWritesIsReserved) {
  for (const char* name : {"Host", "content-length", "TRANSFER-ENCODING", "X-Request-Id", "x-semroute-anything"}) {
    EXPECT_TRUE(is_reserved_header(name)) << name;
    EXPECT_TRUE(is_closed_to_clients(name)) << name;
  }
  for (const char* name : {"traceparent", "Proxy-Authorization"}) {
    EXPECT_FALSE(is_reserved_header(name)) << name;
    EXPECT_TRUE(is_closed_to_clients(name)) << name;
  }
  for (const char* name : {"authorization", "x-tenant", "x-semroute", "hosts"}) {
    EXPECT_FALSE(is_closed_to_clients(name)) << name;
  }
}

TEST(HeaderRules, CaseIsThatOfAsciiAlone) {
  EXPECT_EQ(lower_case("X-Tenant \xC3\x84"), "x-tenant \xC3\x84");
  EXPECT_TRUE(equal_ignoring_case("ABC", "abc"));
  EXPECT_FALSE(equal_ignoring_case("abc", "abcd"));
}

}  // namespace
}  // namespace semroute::config
