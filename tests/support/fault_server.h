// FaultServer: a TCP server on a free loopback port that does what a script says, well or badly.
//
// The script runs once a connection, each on a thread of its own, and may block; when the server is
// destroyed, every socket is shut down, so that the script's calls return, and its threads are joined.
// Threads: the accessors may be called while it runs.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/bound_socket.h"

namespace semroute::test {

class FaultServer {
 public:
  class Connection {
   public:
    Connection(FaultServer& server, int fd, std::size_t number) : server_(server), fd_(fd), number_(number) {}

    [[nodiscard]] std::size_t number() const noexcept { return number_; }  // from 0
    [[nodiscard]] int fd() const noexcept { return fd_; }

    // Reads one request with Content-Length and keeps it; false when the client has closed.
    bool read_request() {
      std::size_t head_end = std::string::npos;
      while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!receive()) return false;
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t at = buffer_.find(kLength);
      const std::size_t total =
          head_end + 4 + (at < head_end ? std::strtoull(buffer_.c_str() + at + kLength.size(), nullptr, 10) : 0);
      return read_bytes(total);
    }

    // The next `count` bytes, or up to the next line break and with it; kept as a request. False when the client has
    // closed before.
    bool read_bytes(std::size_t count) {
      while (buffer_.size() < count)
        if (!receive()) return false;
      server_.keep(buffer_.substr(0, count));
      buffer_.erase(0, count);
      return true;
    }
    bool read_line() {
      while (buffer_.find('\n') == std::string::npos)
        if (!receive()) return false;
      return read_bytes(buffer_.find('\n') + 1);
    }

    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }

    // Blocks until the client closes or resets.
    void wait_closed() {
      while (receive()) {
      }
      server_.count_closed_by_client();
    }

    // The close at the script's end then sends a reset.
    void reset_on_close() {
      const linger abort_at_once{1, 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof(abort_at_once));
    }

   private:
    bool receive() {
      char bytes[16 * 1024];
      const ssize_t got = ::recv(fd_, bytes, sizeof(bytes), 0);
      if (got <= 0) return false;
      buffer_.append(bytes, static_cast<std::size_t>(got));
      return true;
    }

    FaultServer& server_;
    int fd_;
    std::size_t number_;
    std::string buffer_;
  };

  using Script = std::function<void(Connection&)>;

  explicit FaultServer(Script script, std::uint16_t port = 0) : script_(std::move(script)), socket_(port) {
    if (::listen(socket_.fd(), 512) != 0) std::abort();
    acceptor_ = std::thread([this] { accept_all(); });
  }
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;
  ~FaultServer() {
    ::shutdown(socket_.fd(), SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }
  [[nodiscard]] std::size_t connections() const { return locked(connections_); }
  [[nodiscard]] std::vector<std::string> requests() const { return locked(requests_); }

  // Wait (60 s at most) until so many connections were closed by the script, or by the client.
  [[nodiscard]] bool wait_for_closed(std::size_t count) { return wait_for(closed_, count); }
  [[nodiscard]] bool wait_for_closed_by_client(std::size_t count) { return wait_for(closed_by_client_, count); }

 private:
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  bool wait_for(const std::size_t& counter, std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return counter >= count; });
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      const std::size_t number = connections_++;
      threads_.emplace_back([this, fd, number] { serve(fd, number); });
    }
  }

  void serve(int fd, std::size_t number) {
    Connection connection(*this, fd, number);
    script_(connection);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
    ++closed_;
    changed_.notify_all();
  }

  void keep(std::string request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }

  void count_closed_by_client() {
    const std::lock_guard lock(mutex_);
    ++closed_by_client_;
    changed_.notify_all();
  }

  Script script_;
  BoundSocket socket_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;  // of accept_all's thread, then of the destructor's
  std::vector<std::string> requests_;
  std::size_t connections_ = 0;
  std::size_t closed_ = 0;
  std::size_t closed_by_client_ = 0;
  std::thread acceptor_;
};

}  // namespace semroute::test
