// ClosedLoop: a few connections that each send one request, wait for its whole reply, and send the next.
//
// The same client for HTTP and for frames, so that what it costs is the same beside both.
// Threads: the calling one. Errors: a lost connection, or a reply that is not what was expected, ends the program.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::bench {

// What is said to a server, and how the end of what it says is found.
struct Dialogue {
  std::string name;
  std::uint16_t port = 0;
  std::string request;
  // How long the first reply in `received` is; 0: not there whole.
  std::size_t (*reply_bytes)(std::string_view received) = nullptr;
  // Whether a reply is the right one.
  std::function<bool(std::string_view reply)> is_right;
};

// HTTP replies with Content-Length, and frames.
[[nodiscard]] std::size_t http_reply_bytes(std::string_view received);
[[nodiscard]] std::size_t frame_bytes(std::string_view received);

class ClosedLoop {
 public:
  ClosedLoop(const Dialogue& dialogue, std::size_t connections);
  ~ClosedLoop();
  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  struct Turn {
    std::uint64_t replies = 0;
    double seconds = 0.0;
  };
  // Asks on every connection for `duration`, then waits for what is under way.
  Turn run(std::chrono::milliseconds duration);
  // Microseconds of so many requests, one at a time on the first connection.
  [[nodiscard]] std::vector<double> round_trips_us(std::size_t count);

 private:
  struct Connection {
    int fd = -1;
    std::string received;
  };

  void ask(Connection& connection);
  // Whether the reply is whole now.
  [[nodiscard]] bool receive(Connection& connection);

  const Dialogue& dialogue_;
  int epoll_;
  std::vector<Connection> connections_;
};

}  // namespace semroute::bench
