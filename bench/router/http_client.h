// HttpClient: one POST again and again on each of a few kept connections, one at a time on each.
//
// The first reply says how long each is; those that follow must be as long, and begin with the same status line.
// Threads: the calling one. Errors: a lost connection or another reply ends the program, naming it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::bench {

class HttpClient {
 public:
  // To 127.0.0.1. `request`: head and body.
  HttpClient(std::uint16_t port, std::string request, std::size_t connections);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  struct Turn {
    std::uint64_t replies = 0;
    double seconds = 0.0;
  };
  // Every connection asks again as soon as it is answered, for `duration`.
  [[nodiscard]] Turn run(std::chrono::milliseconds duration);
  // Microseconds from a request's write to its reply's last byte, one at a time on the first connection.
  [[nodiscard]] std::vector<double> round_trips_us(std::size_t count);

 private:
  struct Connection {
    int fd = -1;
    std::size_t received = 0;  // of the reply on its way
  };
  void send(Connection& connection) const;
  // Whether the reply is complete now.
  [[nodiscard]] bool receive(Connection& connection);

  std::string request_;
  std::vector<Connection> connections_;
  std::size_t reply_bytes_ = 0;
};

}  // namespace semroute::bench
