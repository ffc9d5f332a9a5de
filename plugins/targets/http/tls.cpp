#include "plugins/targets/http/tls.h"

#include <openssl/ssl.h>

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace semroute::plugins {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

HttpTls::HttpTls(std::string authorities, std::string server_name)
    : context_(ssl::context::tls_client), authorities_(std::move(authorities)), server_name_(std::move(server_name)) {}

core::Result<std::shared_ptr<const HttpTls>> HttpTls::make(const std::string& authorities, std::string server_name) {
  const std::shared_ptr<HttpTls> made(new HttpTls(authorities, std::move(server_name)));
  const auto mistaken = [](std::string why) { return core::Error{core::ErrorCode::bad_request, std::move(why)}; };
  SSL_CTX* const context = made->context_.native_handle();
  boost::system::error_code error;
  made->context_.set_verify_mode(ssl::verify_peer, error);
  if (error || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return mistaken("TLS cannot be set up");
  }
  // A large reply would otherwise keep its buffers for as long as the connection is idle.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  constexpr unsigned char kProtocols[] = "\x08http/1.1";
  if (SSL_CTX_set_alpn_protos(context, kProtocols, sizeof(kProtocols) - 1) != 0)
    return mistaken("TLS cannot be set up");
  if (authorities.empty()) {
    made->context_.set_default_verify_paths(error);
    if (error) return mistaken("the system's certificate authorities cannot be used: " + error.message());
  } else {
    made->context_.add_certificate_authority(asio::buffer(authorities), error);
    if (error) return mistaken("is not a file of PEM certificates");
  }
  return std::shared_ptr<const HttpTls>(made);
}

std::unique_ptr<HttpTls::Stream> HttpTls::open(asio::ip::tcp::socket& socket, const std::string& host) const {
  auto stream = std::make_unique<Stream>(socket, context_);
  const std::string& name = server_name_.empty() ? host : server_name_;
  boost::system::error_code error;
  stream->set_verify_callback(ssl::host_name_verification(name), error);
  if (error) return nullptr;
  boost::system::error_code not_an_address;
  (void)asio::ip::make_address(name, not_an_address);
  if (not_an_address && SSL_set_tlsext_host_name(stream->native_handle(), name.c_str()) != 1) return nullptr;
  return stream;
}

bool is_quiet(HttpTls::Stream& stream) noexcept {
  SSL* const ssl = stream.native_handle();
  BIO* const received = SSL_get_rbio(ssl);
  return SSL_has_pending(ssl) == 0 && (received == nullptr || BIO_pending(received) == 0);
}

}  // namespace semroute::plugins
