// Session: how a connection ends, in order or not.
#include <poll.h>

#include <utility>

#include "core/base/limits.h"
#include "router/net/session.h"

namespace semroute::router {

namespace asio = boost::asio;
using boost::system::error_code;

// A reset is seen by reading; without, dispatches whose client is gone would go on, at a client's most in flight.
void Session::wait_lost() {
  if (watching_ || phase_ != Phase::serving) return;
  watching_ = true;
  socket_.async_wait(asio::socket_base::wait_error, [self = shared_from_this()](const error_code& ec) {
    self->watching_ = false;
    if (ec || self->phase_ == Phase::closed) return;
    pollfd polled{self->socket_.native_handle(), 0, 0};  // urgent data is no loss, and would wake it again and again
    if (::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLERR | POLLHUP)) != 0) self->abort();
  });
}

// FIN first, then wait for the peer's, so that a reset does not overtake the last reply.
void Session::linger() {
  phase_ = Phase::lingering;
  linger_until_ = Clock::now() + core::kLingerTimeout;
  error_code ec;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  if (ec || end_of_input_) return close();
  wait_readable();
}

bool Session::drained() const {
  return phase_ != Phase::serving || (in_flight_.empty() && unwritten_bytes() == 0 && (drain_bytes_ == 0 || !paused()));
}

void Session::finish_drain() {
  const auto self = shared_from_this();
  if (phase_ == Phase::closed) return;
  cancel_all();
  close_after_flush();
}

void Session::abort() {
  if (phase_ == Phase::closed) return;
  const auto self = shared_from_this();
  close();
  cancel_all();
  waiting_.clear();  // not before: what waits may be held by nothing else
}

// The entries erase themselves as their calls complete, so the list is left alone while they are cancelled.
void Session::cancel_all() {
  std::vector<std::function<void()>> calls;
  for (auto& f : in_flight_) {
    if (f.cancel != nullptr) calls.push_back(std::exchange(f.cancel, nullptr));
  }
  for (const auto& call : calls) call();
}

void Session::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  handler_.counters().connections_open.subtract();
  error_code ec;
  socket_.close(ec);
  lease_.reset();
  handler_.on_closed(*this);
}

}  // namespace semroute::router
