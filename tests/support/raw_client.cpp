#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "tests/support/eventually.h"

namespace semroute::test {

RawClient::RawClient(std::uint16_t port, const std::string& host)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = ::inet_addr(host.c_str());
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }
}

RawClient::~RawClient() {
  if (fd_ >= 0) ::close(fd_);
}

void RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool RawClient::try_send(std::string_view bytes) const {
  while (!bytes.empty()) {
    pollfd p{fd_, POLLOUT, 0};
    if (::poll(&p, 1, 60'000) <= 0) return false;
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::delivered() const {
  return eventually([&] {
    int unacknowledged = 0;
    return ::ioctl(fd_, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
  });
}

bool RawClient::fill(int seconds) {
  if (ended_) return false;
  pollfd p{fd_, POLLIN, 0};
  if (::poll(&p, 1, seconds * 1000) <= 0) return false;
  std::array<char, 65536> chunk{};
  const auto n = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (n <= 0) {
    ended_ = true;
    reset_ = n < 0;
    return false;
  }
  buffer_.append(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

std::optional<std::string> RawClient::read_line(int seconds) {
  std::size_t end = 0;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    if (!fill(seconds)) return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

std::optional<std::string> RawClient::read_bytes(std::size_t n, int seconds) {
  while (buffer_.size() < n) {
    if (!fill(seconds)) return std::nullopt;
  }
  std::string bytes = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return bytes;
}

std::optional<std::string> RawClient::read_frame(int seconds) {
  const auto header = read_bytes(16, seconds);
  if (!header) return std::nullopt;
  std::uint32_t body_bytes = 0;
  std::memcpy(&body_bytes, header->data() + 8, sizeof body_bytes);
  const auto body = read_bytes(body_bytes, seconds);
  if (!body) return std::nullopt;
  return *header + *body;
}

std::string RawClient::read_all(int seconds) {
  while (fill(seconds)) {
  }
  return std::move(buffer_);
}

bool RawClient::closed(int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!ended_ && std::chrono::steady_clock::now() < end) fill(1);
  return ended_;
}

std::string RawClient::ask(const std::string& line) {
  send(line + "\n");
  return read_line().value_or("(no reply)");
}

void RawClient::shutdown_send() const { ::shutdown(fd_, SHUT_WR); }

void RawClient::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd_);
  fd_ = -1;
}

std::string http_get(std::uint16_t port, const std::string& path, const std::string& method) {
  RawClient client(port);
  client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return client.read_all();
}

}  // namespace semroute::test
