#include "router/net/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "core/base/limits.h"

namespace semroute::router {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool out_of_descriptors(const error_code& ec) {
  return ec == asio::error::no_descriptors || ec == boost::system::errc::too_many_files_open_in_system ||
         ec == asio::error::no_buffer_space || ec == asio::error::no_memory;
}

}  // namespace

asio::ip::tcp::endpoint to_endpoint(const config::Address& address) {
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  error_code ec;
  const auto ip = asio::ip::make_address(host, ec);
  SEMROUTE_CHECK(!ec);  // the configuration's reader lets only literals through
  return {ip, address.port};
}

Listener::Listener(asio::io_context& io, PickContext pick, OnConnection on_connection)
    : acceptor_(io),
      backoff_(io),
      pick_(std::move(pick)),
      on_connection_(std::move(on_connection)),
      reserve_fd_(open_reserve()) {}

Listener::~Listener() {
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

core::Result<void> Listener::open(const config::Address& address) {
  const auto endpoint = to_endpoint(address);
  error_code ec;
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
  if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(core::kListenBacklog, ec);
  if (ec) {
    return core::Error{core::ErrorCode::unavailable,
                       "cannot listen on " + config::to_string(address) + ": " + ec.message() +
                           (ec == asio::error::address_in_use ? " (is another process using the port?)" : "")};
  }
  return {};
}

config::Address Listener::address() const {
  error_code ec;
  const auto endpoint = acceptor_.local_endpoint(ec);
  return {endpoint.address().to_string(), endpoint.port()};
}

void Listener::start() { accept(); }

void Listener::accept() {
  acceptor_.async_accept(pick_(), [this](const error_code& ec, asio::ip::tcp::socket socket) {
    // Accepted is accepted, also when drain() came before this handler.
    if (!ec) {
      ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
      on_connection_(std::move(socket));
    }
    if (!acceptor_.is_open() || ec == asio::error::operation_aborted) return;
    if (ec) return on_error(ec);
    accept();
  });
}

void Listener::on_error(const error_code& ec) {
  if (!out_of_descriptors(ec)) return accept();  // the peer gave up before it was accepted
  if (reserve_fd_ >= 0) {
    ::close(reserve_fd_);
    const int refused = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (refused >= 0) ::close(refused);
    reserve_fd_ = open_reserve();
  }
  backoff_.expires_after(core::kAcceptBackoff);
  backoff_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && acceptor_.is_open()) accept();
  });
}

void Listener::drain() {
  if (!acceptor_.is_open()) return;
  error_code ec;
  acceptor_.cancel(ec);
  acceptor_.non_blocking(true, ec);
  while (!ec) {
    asio::ip::tcp::socket socket(pick_());
    acceptor_.accept(socket, ec);
    if (!ec) on_connection_(std::move(socket));
  }
  close();
}

void Listener::close() {
  error_code ec;
  acceptor_.close(ec);
  backoff_.cancel();
}

}  // namespace semroute::router
