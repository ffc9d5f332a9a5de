// HttpConnection: one TCP connection to an endpoint, plain or under TLS, and the reader of what comes over it.
//
// Whoever uses it is its User: told of what has ended, until leave() or close(). Handlers that are still queued then
// find nobody to tell. Used again for another request only when nothing is under way.
// Threads: that of its io_context. Lifetime: shared with its handlers; closing releases the permit.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "plugins/targets/connection_limit.h"
#include "plugins/targets/host_addresses.h"
#include "plugins/targets/http/networks.h"
#include "plugins/targets/http/reply.h"
#include "plugins/targets/http/tls.h"

namespace semroute::plugins {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Error = boost::system::error_code;
  using Bytes = std::array<boost::asio::const_buffer, 3>;

  class User {
   public:
    virtual void on_connected(const Error& error) = 0;
    virtual void on_written(const Error& error, std::size_t bytes) = 0;
    virtual void on_read(const Error& error, std::size_t bytes) = 0;

   protected:
    ~User() = default;
  };

  // `tls` null: plain. `host`: the URL's, that TLS verifies.
  HttpConnection(boost::asio::io_context& io, const HttpTls* tls, const std::string& host, ConnectionPermit permit);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void use(User& user) noexcept { user_ = &user; }
  void leave() noexcept { user_ = nullptr; }
  void close();

  // Connects to the first address that accepts and is not denied, and shakes hands; on_connected() tells, perhaps
  // before this returns. Its error is `access_denied` when every address is denied; problem() says more than the error.
  void connect(std::shared_ptr<const HostAddresses::List> addresses, const HttpNetworks& denied);

  [[nodiscard]] std::string problem(const Error& error) const;

  struct Written {
    bool ended = false;  // all went out, or `error` is set; else on_written() will tell
    Error error{};       // nothing went out
  };
  // `bytes` stay valid for as long as `keep` is held.
  [[nodiscard]] Written write(const Bytes& bytes, std::shared_ptr<const void> keep);
  // Into the reader's room; on_read() tells.
  void read();

  // Nothing has arrived that nobody asked for, the peer's end included.
  [[nodiscard]] bool is_quiet() noexcept;
  [[nodiscard]] const boost::asio::ip::tcp::endpoint& peer() const noexcept { return peer_; }
  [[nodiscard]] HttpReplyReader& reader() noexcept { return reader_; }
  // For the connection that takes this one's place.
  [[nodiscard]] ConnectionPermit take_permit() noexcept { return std::move(permit_); }

 private:
  using Socket = boost::asio::ip::tcp::socket;

  void connect_next(const Error& last_error);
  void on_socket_connected();
  void write_rest(const Bytes& bytes, std::size_t done, std::shared_ptr<const void> keep);

  const HttpTls* tls_;
  const std::string& host_;
  ConnectionPermit permit_;
  User* user_ = nullptr;
  Socket socket_;
  std::unique_ptr<HttpTls::Stream> stream_;  // over the socket; null: plain
  std::shared_ptr<const HostAddresses::List> addresses_;
  const HttpNetworks* denied_ = nullptr;
  std::size_t next_address_ = 0;
  boost::asio::ip::tcp::endpoint peer_;
  HttpReplyReader reader_;
};

}  // namespace semroute::plugins
