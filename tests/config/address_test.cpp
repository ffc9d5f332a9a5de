#include "config/address.h"

#include <gtest/gtest.h>

namespace semroute::config {
namespace {

TEST(Address, ReadsLiteralsAndLocalhost) {
  EXPECT_EQ(*parse_address("127.0.0.1:7311"), (Address{"127.0.0.1", 7311}));
  EXPECT_EQ(*parse_address("[::1]:0"), (Address{"::1", 0}));
  EXPECT_EQ(*parse_address("localhost:65535"), (Address{"localhost", 65535}));
  for (const char* text : {"0.0.0.0:80", "[2001:db8::1]:80", "localhost:1"}) {
    EXPECT_EQ(to_string(*parse_address(text)), text);
  }
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "127.0.0.1", "7311", ":7311", "*:7311", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1:7311x", "::1:7311", "[::1]", "[::1:7311", "[127.0.0.1]:1", "127.1:1",
                           "256.0.0.1:1", "example.com:80", "127.0.0.1 :1"}) {
    EXPECT_FALSE(parse_address(text).ok()) << text;
  }
  EXPECT_EQ(parse_address("*:7311").error().message,
            "expected a host before the ':' (0.0.0.0 or [::] for all interfaces), found \"*:7311\"");
}

TEST(Address, KnowsLoopback) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(parse_address(text)->is_loopback()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1"}) {
    EXPECT_FALSE(parse_address(text)->is_loopback()) << text;
  }
}

}  // namespace
}  // namespace semroute::config
