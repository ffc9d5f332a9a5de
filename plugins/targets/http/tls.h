// HttpTls: how connections of a target to its https:// endpoints are secured.
//
// TLS 1.2 or later; the peer's certificate is always verified, against `ca_file` or else the system's authorities, for
// the name that the endpoint has (`server_name`, else the URL's host), which is also sent (SNI) unless it is an
// address. Threads: const once made. Errors: bad_request when `ca_file` cannot be used.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "core/base/result.h"

namespace semroute::plugins {

class HttpTls {
 public:
  using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

  // `authorities`: PEM certificates; empty: the system's. `server_name` empty: each endpoint's own.
  [[nodiscard]] static core::Result<std::shared_ptr<const HttpTls>> make(const std::string& authorities,
                                                                         std::string server_name);

  // A stream over `socket`, ready to shake hands with the endpoint that is called `host`; null when memory is short.
  [[nodiscard]] std::unique_ptr<Stream> open(boost::asio::ip::tcp::socket& socket, const std::string& host) const;
  [[nodiscard]] const std::string& authorities() const noexcept { return authorities_; }

 private:
  HttpTls(std::string authorities, std::string server_name);

  mutable boost::asio::ssl::context context_;
  std::string authorities_;
  std::string server_name_;
};

// What is wrong with the peer's certificate, and which key may be meant, after a handshake that failed; empty: nothing.
[[nodiscard]] std::string certificate_problem(HttpTls::Stream& stream);

// Whether nothing that belongs to no request waits inside the stream.
[[nodiscard]] bool is_quiet(HttpTls::Stream& stream) noexcept;

}  // namespace semroute::plugins
