#include "tests/support/flaky_upstream.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace semroute::test {
namespace {

constexpr std::string_view kReply =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"answer\":42}";

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

FlakyUpstream::FlakyUpstream(Odds odds, std::size_t requests, std::uint64_t seed, std::uint16_t port)
    : odds_(odds),
      socket_(port),
      random_(seed),
      arrivals_(requests),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (::listen(socket_.fd(), 4'096) != 0) std::abort();
  watch(epoll_, socket_.fd());
  watch(epoll_, stop_);
  thread_ = std::thread([this] { run(); });
}

FlakyUpstream::~FlakyUpstream() {
  const std::uint64_t one = 1;
  if (::write(stop_, &one, sizeof(one)) != sizeof(one)) std::abort();
  thread_.join();
  for (const auto& [fd, received] : open_) ::close(fd);
  ::close(stop_);
  ::close(epoll_);
}

void FlakyUpstream::run() {
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == stop_) return;
      if (fd == socket_.fd()) {
        accept_some();
      } else {
        on_readable(fd);
      }
    }
  }
}

void FlakyUpstream::accept_some() {
  const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  open_.emplace(fd, "");
  if (random_() % 1'000 < odds_.on_accept) return end(fd, true);
  watch(epoll_, fd);
}

void FlakyUpstream::on_readable(int fd) {
  std::array<char, 16 * 1024> bytes;
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) return end(fd, false);
  std::string& received = open_[fd];
  received.append(bytes.data(), static_cast<std::size_t>(got));
  while (serve(fd, received)) {
  }
}

// True when a request was served and another may follow.
bool FlakyUpstream::serve(int fd, std::string& received) {
  const std::size_t head_end = received.find("\r\n\r\n");
  if (head_end == std::string::npos) return false;
  if (received.starts_with("GET ")) {
    received.erase(0, head_end + 4);
    checks_.fetch_add(1);
    return ::send(fd, kReply.data(), kReply.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kReply.size());
  }
  const std::size_t at = received.find("Content-Length: ");
  const std::size_t total = head_end + 4 + std::strtoull(received.c_str() + at + 16, nullptr, 10);
  if (received.size() < total) return false;
  const std::string body = received.substr(head_end + 4, total - head_end - 4);
  received.erase(0, total);
  const std::size_t number = std::strtoull(body.c_str() + std::string_view("{\"n\":").size(), nullptr, 10);
  if (number >= arrivals_.size()) std::abort();
  arrivals_[number].fetch_add(1);
  all_.fetch_add(1);
  const std::uint64_t drawn = random_() % 1'000;
  unsigned below = odds_.unanswered;
  if (drawn < below) {
    end(fd, true);
    return false;
  }
  const bool is_half = drawn < (below += odds_.half_answer);
  const std::string_view reply = is_half ? kReply.substr(0, kReply.size() / 2) : kReply;
  const bool is_sent = ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(reply.size());
  if (is_sent && !is_half && drawn >= (below += odds_.after_reply)) return true;
  end(fd, true);
  return false;
}

void FlakyUpstream::end(int fd, bool by_reset) {
  if (by_reset) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  ::close(fd);
  open_.erase(fd);
}

}  // namespace semroute::test
