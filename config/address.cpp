#include "config/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace semroute::config {
namespace {

bool is_ipv4(const std::string& host) {
  in_addr bytes{};
  return ::inet_pton(AF_INET, host.c_str(), &bytes) == 1;
}

bool is_ipv6(const std::string& host, in6_addr& bytes) { return ::inet_pton(AF_INET6, host.c_str(), &bytes) == 1; }

core::Error refused(std::string message) { return {core::ErrorCode::bad_request, std::move(message)}; }

}  // namespace

bool Address::is_loopback() const noexcept {
  if (host == "localhost") return true;
  if (host.find(':') == std::string::npos) return host.starts_with("127.");
  in6_addr bytes{};
  if (!is_ipv6(host, bytes)) return false;
  const bool is_mapped_loopback = IN6_IS_ADDR_V4MAPPED(&bytes) != 0 && bytes.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&bytes) != 0 || is_mapped_loopback;
}

std::string to_string(const Address& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

core::Result<Address> parse_address(std::string_view text) {
  const std::string found = ", found \"" + std::string(text) + '"';
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.substr(colon).find(']') != std::string_view::npos) {
    return refused("expected host:port such as 127.0.0.1:7311" + found);
  }
  Address address;
  const std::string_view port = text.substr(colon + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) {
    return refused("expected a port 0..65535 after the ':'" + found);
  }
  std::string_view host = text.substr(0, colon);
  if (host.empty() || host == "*") {
    return refused("expected a host before the ':' (0.0.0.0 or [::] for all interfaces)" + found);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    in6_addr bytes{};
    address.host = host.substr(1, host.size() - 2);
    if (is_ipv6(address.host, bytes)) return address;
    return refused("expected an IPv6 address in the brackets" + found);
  }
  address.host = host;
  if (host.find(':') != std::string_view::npos) {
    return refused("expected brackets around an IPv6 address, as in [::1]:7311" + found);
  }
  if (address.host == "localhost" || is_ipv4(address.host)) return address;
  return refused("expected an IPv4 address, an IPv6 address in brackets, or localhost" + found);
}

}  // namespace semroute::config
