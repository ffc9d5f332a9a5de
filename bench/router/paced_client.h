// PacedClient: sends frames at fixed times on one connection, whether or not the earlier ones are answered.
//
// A request waits for its time, and for a place among those on their way. The time of a reply counts from when its
// request was due, so a daemon that is slow for a moment is not spared the requests that came meanwhile.
// Frames get the ids 1, 2, ... of the client's lifetime; replies may come in any order.
// Threads: the calling one. Errors: a connection that ends leaves replies missing; cannot connect: ends the program.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace semroute::bench {

struct Pace {
  // Infinity: always as many on their way as may be.
  double per_second = std::numeric_limits<double>::infinity();
  std::size_t most_in_flight = 1;
  std::chrono::milliseconds duration{0};  // of sending
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

struct PacedReply {
  std::uint32_t id = 0;
  double us = 0.0;         // from when it was due
  double us_on_way = 0.0;  // from when it was sent
  std::string_view frame;  // until the callback returns
};

class PacedClient {
 public:
  // Writes the request into `frame` but for its id; called right before it is sent.
  using NextFrame = std::function<std::span<char>(std::uint32_t id)>;
  using OnReply = std::function<void(const PacedReply& reply)>;

  // To 127.0.0.1.
  explicit PacedClient(std::uint16_t port);
  ~PacedClient();
  PacedClient(const PacedClient&) = delete;
  PacedClient& operator=(const PacedClient&) = delete;

  struct Turn {
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t strange = 0;      // frames that answer nothing, or once more
    std::vector<double> late_us{};  // of each request, how late it was sent
    double seconds = 0.0;           // from the first request to the last reply
    [[nodiscard]] std::uint64_t missing() const { return sent - answered; }
  };
  // Returns when all are answered, or nothing came for kPatience after the last was sent.
  [[nodiscard]] Turn run(const Pace& pace, const NextFrame& next, const OnReply& replied);

  static constexpr std::chrono::seconds kPatience{20};

 private:
  using Clock = std::chrono::steady_clock;
  struct Flight {
    Clock::time_point due;
    Clock::time_point sent;
    bool is_answered = false;
  };

  void send(Clock::time_point due, const NextFrame& next, Turn& turn);
  // What has arrived; false at the end of the connection.
  [[nodiscard]] bool receive(const OnReply& replied, Turn& turn);
  void take(std::string_view frame, Clock::time_point now, const OnReply& replied, Turn& turn);

  int fd_;
  bool is_open_ = true;
  std::size_t in_flight_ = 0;
  std::vector<Flight> flights_;  // by id, from 1 on
  std::vector<char> received_;
  std::size_t received_bytes_ = 0;
};

}  // namespace semroute::bench
