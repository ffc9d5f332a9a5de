// Listener: accepts connections on one address and hands each to its consumer.
//
// Out of descriptors it gives up one held in reserve to refuse the newest connection, then waits
// kAcceptBackoff instead of spinning. Bounds: kListenBacklog.
// Threads: one io_context's thread. Lifetime: close() or destruction ends it.
// Errors: open() says which address and why.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/config.h"
#include "core/base/result.h"

namespace semroute::router {

class Listener {
 public:
  // Picks the io_context that the next connection will live on.
  using PickContext = std::function<boost::asio::io_context&()>;
  // Takes the connection; called on the listener's thread.
  using OnConnection = std::function<void(boost::asio::ip::tcp::socket)>;

  Listener(boost::asio::io_context& io, PickContext pick, OnConnection on_connection);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] core::Result<void> open(const config::Address& address);
  // The address in use, with the port that the system picked for port 0.
  [[nodiscard]] config::Address address() const;
  void start();
  // Takes what waits in the backlog, then stops listening.
  void drain();
  void close();

 private:
  void accept();
  void on_error(const boost::system::error_code& ec);

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer backoff_;
  PickContext pick_;
  OnConnection on_connection_;
  int reserve_fd_ = -1;
};

// An address of the configuration for the socket layer. `host` is a literal or "localhost" (config.h).
[[nodiscard]] boost::asio::ip::tcp::endpoint to_endpoint(const config::Address& address);

}  // namespace semroute::router
