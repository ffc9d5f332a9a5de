// FlakyUpstream: an HTTP server that resets some of its connections, and counts how often each request reached it.
//
// One thread over epoll, so that it stands many connections and resets. A request's number is that in its body
// {"n":NUMBER}. It is counted once all of it has arrived. What happens then is drawn from a fixed sequence.
// Threads: the accessors may be called while it runs. Lifetime: ends its thread and closes all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/support/fault_server.h"

namespace semroute::test {

class FlakyUpstream {
 public:
  // Out of a thousand.
  struct Odds {
    unsigned on_accept = 0;    // resets before anything is read
    unsigned unanswered = 0;   // takes the request, then resets
    unsigned half_answer = 0;  // resets within the reply
    unsigned after_reply = 0;  // answers, then resets
  };

  // Counts the requests 0 .. `requests` - 1.
  FlakyUpstream(Odds odds, std::size_t requests, std::uint64_t seed, std::uint16_t port = 0);
  ~FlakyUpstream();
  FlakyUpstream(const FlakyUpstream&) = delete;
  FlakyUpstream& operator=(const FlakyUpstream&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }
  // How often the request arrived whole.
  [[nodiscard]] unsigned arrivals(std::size_t request) const { return arrivals_[request].load(); }
  [[nodiscard]] std::uint64_t all_arrivals() const { return all_.load(); }
  [[nodiscard]] std::uint64_t checks() const { return checks_.load(); }  // GETs, all of them answered

 private:
  void run();
  void accept_some();
  void on_readable(int fd);
  [[nodiscard]] bool serve(int fd, std::string& received);
  void end(int fd, bool by_reset);

  const Odds odds_;
  BoundSocket socket_;
  std::mt19937_64 random_;
  std::vector<std::atomic<std::uint8_t>> arrivals_;
  std::atomic<std::uint64_t> all_{0};
  std::atomic<std::uint64_t> checks_{0};
  std::unordered_map<int, std::string> open_;  // what was received and not served
  int epoll_;
  int stop_;
  std::thread thread_;
};

}  // namespace semroute::test
