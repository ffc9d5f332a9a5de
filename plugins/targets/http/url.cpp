#include "plugins/targets/http/url.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/header_rules.h"

namespace semroute::plugins {
namespace {

constexpr std::size_t kMaxUrlBytes = 4'096;  // as servers commonly accept in a request line
constexpr std::size_t kMaxHostBytes = 253;   // RFC 1035, section 3.1

core::Error refused(std::string why) { return {core::ErrorCode::bad_request, std::move(why)}; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxHostBytes && std::ranges::all_of(name, is_host_character);
}

}  // namespace

core::Result<HttpUrl> parse_http_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return refused("is longer than " + std::to_string(kMaxUrlBytes) + " bytes");
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed) return refused("is not a URL (expected http://host:port/path)");
  const boost::urls::url_view& url = *parsed;

  const bool is_tls = url.scheme_id() == boost::urls::scheme::https;
  if (!is_tls && url.scheme_id() != boost::urls::scheme::http) {
    return refused("expected http:// or https://, found another scheme");
  }
  if (!url.has_authority()) return refused("names no host (expected http://host:port/path)");
  if (url.has_userinfo()) return refused("must not hold a user or password");
  if (url.has_fragment()) return refused("must not hold a fragment (#...)");

  HttpUrl result;
  const std::uint16_t usual_port = is_tls ? 443 : 80;
  result.is_tls = is_tls;
  result.port = usual_port;
  switch (url.host_type()) {
    case boost::urls::host_type::ipv4:
    case boost::urls::host_type::ipv6: result.host = url.host_address(); break;
    case boost::urls::host_type::name: {
      const std::string_view name(url.encoded_host().data(), url.encoded_host().size());
      if (name.empty()) return refused("names no host (expected http://host:port/path)");
      if (!is_host_name(name)) {
        return refused("has a host name of other characters than letters, digits, '.', '-' and '_'");
      }
      result.host = name;
      break;
    }
    default: return refused("has a host that is neither a name nor an IP address");
  }
  if (url.has_port()) {
    // Read here: Boost's port_number() takes a number over 65535 modulo 65536.
    const std::string_view digits(url.port().data(), url.port().size());
    const auto parsed_port = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
    if (digits.empty()) return refused("has a ':' without a port behind it: leave it out, or write the port");
    if (parsed_port.ec != std::errc{} || result.port == 0) return refused("port must be 1..65535");
  }

  const auto host = url.encoded_host();
  result.authority.assign(host.data(), host.size());
  if (result.port != usual_port) result.authority += ':' + std::to_string(result.port);
  const auto path = url.encoded_path();
  result.target.assign(path.data(), path.size());
  if (result.target.empty()) result.target = "/";
  // As Boost takes the rest of http://host:80:80/.
  if (result.target.front() != '/') return refused("is not a URL (expected http://host:port/path)");
  if (url.has_query()) {
    const auto query = url.encoded_query();
    result.target += '?';
    result.target.append(query.data(), query.size());
  }
  return result;
}

bool is_same_endpoint(const HttpUrl& a, const HttpUrl& b) {
  return a.is_tls == b.is_tls && a.port == b.port && a.target == b.target &&
         config::equal_ignoring_case(a.host, b.host);
}

bool is_host(std::string_view text) {
  boost::system::error_code error;
  (void)boost::asio::ip::make_address(std::string(text), error);
  return !error || (is_host_name(text) && text.front() != '.' && text.front() != '-');
}

}  // namespace semroute::plugins
