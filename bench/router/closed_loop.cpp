#include "bench/router/closed_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "bench/router/pipelined_client.h"
#include "bench/support/program.h"
#include "router/protocol/frame_codec.h"

namespace semroute::bench {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::size_t http_reply_bytes(std::string_view received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  constexpr std::string_view kNames[] = {"Content-Length: ", "content-length: "};
  for (const std::string_view name : kNames) {
    const std::size_t at = received.find(name);
    if (at >= end) continue;
    const std::size_t total = end + 4 + std::strtoull(received.data() + at + name.size(), nullptr, 10);
    return received.size() >= total ? total : 0;
  }
  stop(EX_PROTOCOL, "a reply without Content-Length");
}

std::size_t frame_bytes(std::string_view received) {
  constexpr std::size_t kHeader = 16;
  if (received.size() < kHeader) return 0;
  std::size_t body = 0;
  for (std::size_t i = 0; i < 4; ++i) body |= std::size_t{static_cast<unsigned char>(received[8 + i])} << (8 * i);
  return received.size() >= kHeader + body ? kHeader + body : 0;
}

ClosedLoop::ClosedLoop(const Dialogue& dialogue, std::size_t connections)
    : dialogue_(dialogue), epoll_(::epoll_create1(EPOLL_CLOEXEC)), connections_(connections) {
  for (std::size_t i = 0; i < connections; ++i) {
    connections_[i].fd = connect_to(dialogue.port);
    const int yes = 1;
    ::setsockopt(connections_[i].fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event);
  }
}

ClosedLoop::~ClosedLoop() {
  for (const Connection& connection : connections_) ::close(connection.fd);
  ::close(epoll_);
}

void ClosedLoop::ask(Connection& connection) {
  const std::string& request = dialogue_.request;
  if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    stop(EX_IOERR, dialogue_.name + ": a request could not be sent");
  }
}

bool ClosedLoop::receive(Connection& connection) {
  std::array<char, 64 * 1024> bytes;
  const ssize_t got = ::recv(connection.fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) stop(EX_IOERR, dialogue_.name + ": the connection was lost");
  connection.received.append(bytes.data(), static_cast<std::size_t>(got));
  const std::size_t reply = dialogue_.reply_bytes(connection.received);
  if (reply == 0) return false;
  if (reply != connection.received.size() || !dialogue_.is_right(connection.received)) {
    stop(EX_PROTOCOL, dialogue_.name + ": a wrong reply: " + connection.received);
  }
  connection.received.clear();
  return true;
}

ClosedLoop::Turn ClosedLoop::run(std::chrono::milliseconds duration) {
  Turn turn;
  const auto begin = Clock::now();
  for (Connection& connection : connections_) ask(connection);
  std::size_t under_way = connections_.size();
  std::array<epoll_event, 64> events;
  while (under_way > 0) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    const bool is_over = Clock::now() - begin >= duration;
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
      if (!receive(connection)) continue;
      ++turn.replies;
      if (is_over) {
        --under_way;
      } else {
        ask(connection);
      }
    }
  }
  turn.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return turn;
}

std::vector<double> ClosedLoop::round_trips_us(std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    ask(connections_.front());
    while (!receive(connections_.front())) {
    }
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  return times;
}

}  // namespace semroute::bench
