// HttpNetworks: the networks that a target's connections must not go to (deny_networks).
//
// Reads `10.0.0.0/8`, `fd00::/8` and single addresses. An IPv4 address in IPv6 form is the IPv4 address.
// Complexity: linear in the networks. Threads: const once read.
#pragma once

#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "core/base/result.h"

namespace semroute::plugins {

class HttpNetworks {
 public:
  // Errors: bad_request, saying what is expected.
  [[nodiscard]] core::Result<void> add(std::string_view text);
  [[nodiscard]] bool contain(const boost::asio::ip::address& address) const noexcept;

 private:
  struct Network {
    boost::asio::ip::address_v6::bytes_type bytes;  // IPv4 as ::ffff:a.b.c.d
    unsigned bits;
  };
  std::vector<Network> networks_;
};

}  // namespace semroute::plugins
