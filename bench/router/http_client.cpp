#include "bench/router/http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "bench/router/pipelined_client.h"
#include "bench/support/program.h"

namespace semroute::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Head and body; 0 while the head is not whole.
std::size_t reply_bytes_of(std::string_view received) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t end = received.find(kEnd);
  if (end == std::string_view::npos) return 0;
  for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
    const std::size_t at = received.substr(0, end).find(name);
    if (at == std::string_view::npos) continue;
    std::size_t body = 0;
    std::from_chars(received.data() + at + name.size(), received.data() + end, body);
    return end + kEnd.size() + body;
  }
  stop(EX_PROTOCOL, "a reply without Content-Length: " + std::string(received));
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port, std::string request, std::size_t connections)
    : request_(std::move(request)), connections_(connections) {
  for (Connection& connection : connections_) connection.fd = connect_to(port);
  // On every connection, so that what a proxy opens behind it is open, too.
  for (Connection& connection : connections_) {
    send(connection);
    while (!receive(connection)) {
    }
  }
}

HttpClient::~HttpClient() {
  for (const Connection& connection : connections_) ::close(connection.fd);
}

void HttpClient::send(Connection& connection) const {
  if (::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
    stop(EX_SOFTWARE, std::string("cannot send: ") + std::strerror(errno));
}

bool HttpClient::receive(Connection& connection) {
  constexpr std::string_view kStart = "HTTP/1.1 200";
  std::array<char, 16'384> buffer;
  const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) stop(EX_SOFTWARE, "the connection was lost");
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (connection.received == 0 && bytes.substr(0, kStart.size()) != kStart)
    stop(EX_PROTOCOL, "not a 200: " + std::string(bytes));
  connection.received += bytes.size();
  if (reply_bytes_ == 0) reply_bytes_ = reply_bytes_of(bytes);
  if (connection.received < reply_bytes_) return false;
  if (connection.received > reply_bytes_) stop(EX_PROTOCOL, "a longer reply than the first: " + std::string(bytes));
  connection.received = 0;
  return true;
}

HttpClient::Turn HttpClient::run(std::chrono::milliseconds duration) {
  Turn turn;
  std::vector<pollfd> waits;
  for (Connection& connection : connections_) {
    send(connection);
    waits.push_back({connection.fd, POLLIN, 0});
  }
  std::size_t in_flight = connections_.size();
  const auto begin = Clock::now();
  auto now = begin;
  while (in_flight > 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0) stop(EX_OSERR, std::string("poll: ") + std::strerror(errno));
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0 || !receive(connections_[i])) continue;
      ++turn.replies;
      now = Clock::now();
      if (now - begin < duration)
        send(connections_[i]);
      else
        --in_flight;
    }
  }
  turn.seconds = seconds_between(begin, now);
  return turn;
}

std::vector<double> HttpClient::round_trips_us(std::size_t count) {
  std::vector<double> times;
  while (times.size() < count) {
    const auto begin = Clock::now();
    send(connections_.front());
    while (!receive(connections_.front())) {
    }
    times.push_back(seconds_between(begin, Clock::now()) * 1e6);
  }
  return times;
}

}  // namespace semroute::bench
