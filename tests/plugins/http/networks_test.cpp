#include "plugins/targets/http/networks.h"

#include <gtest/gtest.h>

namespace semroute::plugins {
namespace {

HttpNetworks networks(std::initializer_list<const char*> texts) {
  HttpNetworks made;
  for (const char* text : texts) EXPECT_TRUE(made.add(text).ok()) << text;
  return made;
}

bool contains(const HttpNetworks& networks, const char* address) {
  return networks.contain(boost::asio::ip::make_address(address));
}

TEST(HttpNetworks, ContainTheirAddresses) {
  const HttpNetworks some = networks({"169.254.0.0/16", "10.1.2.0/23", "192.168.1.7", "fe80::/10", "fd00:1::/33"});
  for (const char* inside : {"169.254.169.254", "10.1.2.0", "10.1.3.255", "192.168.1.7", "fe80::1", "febf::1",
                             "fd00:1:7fff::1", "::ffff:169.254.0.1"}) {
    EXPECT_TRUE(contains(some, inside)) << inside;
  }
  for (const char* outside : {"169.253.255.255", "169.255.0.0", "10.1.1.255", "10.1.4.0", "192.168.1.6", "fec0::1",
                              "fd00:1:8000::1", "::169.254.0.1", "127.0.0.1"}) {
    EXPECT_FALSE(contains(some, outside)) << outside;
  }
  EXPECT_TRUE(contains(networks({"0.0.0.0/0"}), "1.2.3.4"));
  EXPECT_FALSE(contains(networks({"0.0.0.0/0"}), "::1"));
  EXPECT_TRUE(contains(networks({"::/0"}), "1.2.3.4"));
  EXPECT_TRUE(contains(networks({"::ffff:10.0.0.0/104"}), "10.1.1.1"));
  EXPECT_FALSE(contains(networks({}), "1.2.3.4"));
  // What connects to this machine is in its networks.
  for (const char* any : {"0.0.0.0", "::ffff:0.0.0.0"}) EXPECT_TRUE(contains(networks({"127.0.0.0/8"}), any)) << any;
  EXPECT_TRUE(contains(networks({"::1"}), "::"));
  EXPECT_FALSE(contains(networks({"10.0.0.0/8"}), "0.0.0.0"));
}

TEST(HttpNetworks, RefuseWhatIsNone) {
  for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "::/129",
                           "10.0.0.1/8", "fe80::1/10", "localhost", "10.0.0.0/8/8", "fe80::%1/10"}) {
    HttpNetworks made;
    EXPECT_FALSE(made.add(text).ok()) << text;
  }
}

}  // namespace
}  // namespace semroute::plugins
