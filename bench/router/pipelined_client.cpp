#include "bench/router/pipelined_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bench/support/program.h"
#include "router/protocol/frame_codec.h"

namespace semroute::bench {
namespace {

using router::tool::Wire;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReceiveBytes = std::size_t{256} << 10;
constexpr std::size_t kBodyBytesAt = 8;  // in a frame's header

[[noreturn]] void fail(const std::string& why) { stop(EX_SOFTWARE, why); }

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string_view decision_part(Wire wire, std::string_view reply) {
  if (wire == Wire::json) {
    const std::size_t at = reply.find(R"("decision":)");
    if (at == std::string_view::npos) fail("a reply without a decision: " + std::string(reply));
    return reply.substr(at);
  }
  // The extras, the last field, are a JSON object whose first member is the request_id.
  const std::size_t extras = reply.find(R"({"request_id":)");
  if (extras == std::string_view::npos) fail("a reply frame without a request_id");
  return reply.substr(router::kFrameHeaderBytes, extras - sizeof(std::uint32_t) - router::kFrameHeaderBytes);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("cannot connect: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

PipelinedClient::PipelinedClient(std::uint16_t port, const Script& script, std::size_t connections, std::size_t depth)
    : script_(script), depth_(std::min(depth, script.count())), connections_(connections) {
  for (std::size_t i = 0; i < connections; ++i) {
    Connection& connection = connections_[i];
    connection.fd = connect_to(port);
    connection.received.resize(kReceiveBytes);
    connection.next_request = connection.next_reply = i * script.count() / connections;
  }
}

PipelinedClient::~PipelinedClient() {
  for (const Connection& connection : connections_) ::close(connection.fd);
}

std::vector<std::string> PipelinedClient::ask_all() {
  Connection& connection = connections_.front();
  std::vector<std::string> replies;
  while (replies.size() < script_.count()) {
    send(connection, 1);
    std::size_t bytes = 0;
    while (bytes == 0) {
      receive_more(connection);
      bytes = reply_bytes({connection.received.data(), connection.received_bytes});
    }
    replies.emplace_back(connection.received.data(), bytes);
    connection.received_bytes = 0;
    connection.in_flight = 0;
  }
  connection.next_reply = connection.next_request;
  return replies;
}

PipelinedClient::Turn PipelinedClient::run(std::chrono::milliseconds duration) {
  Turn turn;
  const auto begin = Clock::now();
  const auto end = begin + duration;
  std::size_t in_flight = 0;
  for (Connection& connection : connections_) {
    send(connection, depth_);
    in_flight += depth_;
  }
  auto now = begin;
  while (in_flight > 0) {
    wait_for_some();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      const std::size_t replies = receive(connections_[i]);
      turn.replies += replies;
      in_flight -= replies;
      now = Clock::now();
      if (replies == 0 || now >= end) continue;
      send(connections_[i], replies);
      in_flight += replies;
    }
  }
  turn.seconds = seconds_between(begin, now);
  return turn;
}

std::vector<double> PipelinedClient::round_trips_us(std::size_t count) {
  Connection& connection = connections_.front();
  std::vector<double> times;
  while (times.size() < count) {
    const auto begin = Clock::now();
    send(connection, 1);
    while (receive(connection) == 0) {
    }
    times.push_back(seconds_between(begin, Clock::now()) * 1e6);
  }
  return times;
}

void PipelinedClient::send(Connection& connection, std::size_t requests) {
  connection.in_flight += requests;
  while (requests > 0) {
    const std::size_t now = std::min(requests, script_.count() - connection.next_request);
    std::size_t at = script_.begin_of(connection.next_request);
    const std::size_t end = script_.ends[connection.next_request + now - 1];
    while (at < end) {
      const auto sent = ::send(connection.fd, script_.bytes.data() + at, end - at, MSG_NOSIGNAL);
      if (sent <= 0) fail(std::string("send: ") + std::strerror(errno));
      at += static_cast<std::size_t>(sent);
    }
    connection.next_request = (connection.next_request + now) % script_.count();
    requests -= now;
  }
}

void PipelinedClient::receive_more(Connection& connection) {
  char* const to = connection.received.data() + connection.received_bytes;
  const auto got = ::recv(connection.fd, to, connection.received.size() - connection.received_bytes, 0);
  if (got <= 0) fail(got == 0 ? "the daemon closed the connection" : std::string("recv: ") + std::strerror(errno));
  connection.received_bytes += static_cast<std::size_t>(got);
}

// One call; returns how many replies it completed.
std::size_t PipelinedClient::receive(Connection& connection) {
  receive_more(connection);
  std::string_view rest(connection.received.data(), connection.received_bytes);
  std::size_t replies = 0;
  for (std::size_t bytes = 0; (bytes = reply_bytes(rest)) > 0; ++replies) {
    check(connection.next_reply, rest.substr(0, bytes));
    connection.next_reply = (connection.next_reply + 1) % script_.count();
    rest.remove_prefix(bytes);
  }
  if (replies > connection.in_flight) fail("more replies than requests");
  connection.in_flight -= replies;
  std::memmove(connection.received.data(), rest.data(), rest.size());
  connection.received_bytes = rest.size();
  return replies;
}

// The bytes of the whole reply that `received` begins with; 0: it is not all there.
std::size_t PipelinedClient::reply_bytes(std::string_view received) const {
  if (script_.wire == Wire::json) {
    const std::size_t end = received.find('\n');
    return end == std::string_view::npos ? 0 : end + 1;
  }
  if (received.size() < router::kFrameHeaderBytes) return 0;
  const std::size_t bytes = router::kFrameHeaderBytes + number_at(received, kBodyBytesAt);
  return received.size() < bytes ? 0 : bytes;
}

void PipelinedClient::check(std::size_t request, std::string_view reply) const {
  const std::string& decision = script_.decisions[request];
  bool same = false;
  if (script_.wire == Wire::json) {
    const std::string id = R"({"id":)" + std::to_string(request + 1) + ",";
    same = reply.starts_with(id) && reply.ends_with(decision);
  } else {
    constexpr std::size_t kIdAt = 4;
    same = number_at(reply, kIdAt) == request + 1 && reply.substr(router::kFrameHeaderBytes).starts_with(decision);
  }
  if (!same) fail("a reply that differs from the decision made in process: request " + std::to_string(request + 1));
}

void PipelinedClient::wait_for_some() {
  polled_.clear();
  for (const Connection& connection : connections_)
    polled_.push_back({connection.in_flight > 0 ? connection.fd : -1, POLLIN, 0});
  if (polled_.size() == 1)
    polled_.front().revents = POLLIN;  // reading waits as well
  else if (::poll(polled_.data(), polled_.size(), -1) < 0)
    fail(std::string("poll: ") + std::strerror(errno));
}

}  // namespace semroute::bench
