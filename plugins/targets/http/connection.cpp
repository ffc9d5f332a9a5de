#include "plugins/targets/http/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

namespace semroute::plugins {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Error = HttpConnection::Error;

// Asio's own open() leaves the descriptor to be inherited by subprocesses.
Error open(Tcp::socket& socket, const Tcp& protocol) {
  const int descriptor = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (descriptor < 0) return {errno, boost::system::system_category()};
  Error error;
  socket.assign(protocol, descriptor, error);
  if (error) {
    ::close(descriptor);
    return error;
  }
  // Head and body go out in one write; waiting for more would only delay the last segment.
  socket.set_option(Tcp::no_delay(true), error);
  return error;
}

// What is left of `bytes` behind the first `done`.
HttpConnection::Bytes behind(HttpConnection::Bytes bytes, std::size_t done) noexcept {
  for (asio::const_buffer& buffer : bytes) {
    const std::size_t skipped = std::min(done, buffer.size());
    buffer += skipped;
    done -= skipped;
  }
  return bytes;
}

}  // namespace

HttpConnection::HttpConnection(asio::io_context& io, const HttpTls* tls, const std::string& host,
                               ConnectionPermit permit)
    : tls_(tls), host_(host), permit_(std::move(permit)), socket_(io) {}

void HttpConnection::close() {
  user_ = nullptr;
  Error ignored;
  socket_.close(ignored);
  permit_.give_back();
}

void HttpConnection::connect(std::shared_ptr<const HostAddresses::List> addresses, const HttpNetworks& denied) {
  addresses_ = std::move(addresses);
  denied_ = &denied;
  next_address_ = 0;
  connect_next(asio::error::access_denied);
}

void HttpConnection::connect_next(const Error& last_error) {
  Error failed = last_error;
  while (next_address_ < addresses_->size()) {
    const Tcp::endpoint address = (*addresses_)[next_address_++];
    // The address that is looked at here is the one that is connected.
    if (denied_->contain(address.address())) continue;
    Error ignored;
    socket_.close(ignored);
    if (const Error error = open(socket_, address.protocol())) {
      failed = error;
      continue;
    }
    peer_ = address;
    socket_.async_connect(address, [self = shared_from_this(), at = next_address_](const Error& error) {
      if (self->user_ == nullptr || self->next_address_ != at) return;
      if (error) {
        self->connect_next(error);
      } else {
        self->on_socket_connected();
      }
    });
    return;
  }
  if (user_ != nullptr) user_->on_connected(failed);
}

void HttpConnection::on_socket_connected() {
  if (tls_ == nullptr) return user_->on_connected({});
  stream_ = tls_->open(socket_, host_);
  if (stream_ == nullptr) return user_->on_connected(asio::error::no_memory);
  stream_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const Error& error) {
    if (self->user_ != nullptr) self->user_->on_connected(error);
  });
}

std::string HttpConnection::problem(const Error& error) const {
  const std::string certificate = stream_ == nullptr ? std::string() : certificate_problem(*stream_);
  if (!certificate.empty()) return "TLS: " + certificate;
  return (stream_ == nullptr ? "" : "TLS: ") + error.message();
}

HttpConnection::Written HttpConnection::write(const Bytes& bytes, std::shared_ptr<const void> keep) {
  if (stream_ != nullptr) {
    write_rest(bytes, 0, std::move(keep));
    return {};
  }
  // At once and by hand: nearly every request fits into the socket's buffer, and goes without a queued handler.
  std::array<iovec, std::tuple_size_v<Bytes>> parts;
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = {const_cast<void*>(bytes[i].data()), bytes[i].size()};
    total += bytes[i].size();
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    return {true, Error(errno, boost::system::system_category())};
  }
  const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  if (done == total) return {true, {}};
  write_rest(bytes, done, std::move(keep));
  return {};
}

void HttpConnection::write_rest(const Bytes& bytes, std::size_t done, std::shared_ptr<const void> keep) {
  auto written = [self = shared_from_this(), keep = std::move(keep), done](const Error& error, std::size_t more) {
    if (self->user_ != nullptr) self->user_->on_written(error, done + more);
  };
  if (stream_ != nullptr) {
    asio::async_write(*stream_, behind(bytes, done), std::move(written));
  } else {
    asio::async_write(socket_, behind(bytes, done), std::move(written));
  }
}

void HttpConnection::read() {
  const auto room = reader_.prepare();
  auto got = [self = shared_from_this()](const Error& error, std::size_t bytes) {
    if (self->user_ != nullptr) self->user_->on_read(error, bytes);
  };
  if (stream_ != nullptr) {
    stream_->async_read_some(asio::buffer(room.data(), room.size()), std::move(got));
  } else {
    socket_.async_read_some(asio::buffer(room.data(), room.size()), std::move(got));
  }
}

bool HttpConnection::is_quiet() noexcept {
  char byte = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
  return stream_ == nullptr || plugins::is_quiet(*stream_);
}

}  // namespace semroute::plugins
