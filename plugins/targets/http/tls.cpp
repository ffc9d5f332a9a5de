#include "plugins/targets/http/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>

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
  SSL* const ssl = stream->native_handle();
  boost::system::error_code not_an_address;
  (void)asio::ip::make_address(name, not_an_address);
  // The name is part of the verification itself, so that its result says when that is what is wrong.
  const bool is_set = not_an_address
                          ? SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1
                          : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  return is_set ? std::move(stream) : nullptr;
}

std::string certificate_problem(HttpTls::Stream& stream) {
  const long result = SSL_get_verify_result(stream.native_handle());
  switch (result) {
    case X509_V_OK: return {};
    case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "its certificate is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "its certificate is for another name (see tls.server_name)";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "its certificate is signed by itself (see tls.ca_file)";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is of an authority that is not trusted (see tls.ca_file)";
    default: return std::string("its certificate is refused: ") + X509_verify_cert_error_string(result);
  }
}

bool is_quiet(HttpTls::Stream& stream) noexcept {
  SSL* const ssl = stream.native_handle();
  BIO* const received = SSL_get_rbio(ssl);
  return SSL_has_pending(ssl) == 0 && (received == nullptr || BIO_pending(received) == 0);
}

}  // namespace semroute::plugins
