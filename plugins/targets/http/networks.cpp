#include "plugins/targets/http/networks.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace semroute::plugins {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedBits = 96;  // that stand before an IPv4 address in IPv6 form

ip::address_v6::bytes_type bytes_of(const ip::address& address) noexcept {
  return address.is_v6() ? address.to_v6().to_bytes() : ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

bool same_start(const ip::address_v6::bytes_type& a, const ip::address_v6::bytes_type& b, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  if (bits % 8 == 0) return true;
  const unsigned shift = 8 - bits % 8;
  return (a[whole] >> shift) == (b[whole] >> shift);
}

}  // namespace

core::Result<void> HttpNetworks::add(std::string_view text) {
  const core::Error mistaken{core::ErrorCode::bad_request, "expected a network such as 10.0.0.0/8 or fd00::/8"};
  const std::size_t slash = text.find('/');
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text.substr(0, slash)), error);
  if (error || (address.is_v6() && address.to_v6().scope_id() != 0)) return mistaken;
  const unsigned before = address.is_v6() ? 0 : kMappedBits;
  unsigned bits = kAddressBits - before;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || bits > kAddressBits - before) {
      return mistaken;
    }
  }
  Network network{bytes_of(address), bits + before};
  for (unsigned bit = network.bits; bit < kAddressBits; ++bit) {
    if ((network.bytes[bit / 8] >> (7 - bit % 8) & 1U) != 0) {
      return core::Error{core::ErrorCode::bad_request, "has bits set behind its length"};
    }
  }
  networks_.push_back(network);
  return {};
}

bool HttpNetworks::contain(const ip::address& address) const noexcept {
  if (networks_.empty()) return false;
  const auto has = [this](const ip::address_v6::bytes_type& bytes) {
    return std::ranges::any_of(networks_,
                               [&](const Network& network) { return same_start(bytes, network.bytes, network.bits); });
  };
  const auto bytes = bytes_of(address);
  if (has(bytes)) return true;
  // Connecting to the unspecified address reaches this machine.
  if (bytes == bytes_of(ip::address_v4::any())) return has(bytes_of(ip::address_v4::loopback()));
  return bytes == bytes_of(ip::address_v6::any()) && has(bytes_of(ip::address_v6::loopback()));
}

}  // namespace semroute::plugins
