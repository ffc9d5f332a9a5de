// FaultProxy: a TCP proxy in front of a server that works, which does one thing wrong.
//
// What it does can be changed while it runs, and holds for what comes from then on; refuse() and accept() are for the
// port as a whole. Threads: the accessors may be called while it runs.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/fault_server.h"

namespace semroute::test {

class FaultProxy {
 public:
  enum class Fault : std::uint8_t {
    none,
    hold,           // nothing of the reply is passed on, until the fault is another one
    reset_request,  // resets once something of the request has come
    reset_reply,    // resets within the reply's first bytes
    drip,           // passes the reply on byte by byte, a few milliseconds apart
    garbage,        // other bytes before the reply
    half_close      // passes on half of the reply's first bytes, and says that there are no more
  };

  explicit FaultProxy(std::uint16_t upstream) : upstream_(upstream), port_(BoundSocket().port()) { accept(); }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::size_t connections() const { return server_ == nullptr ? 0 : server_->connections(); }
  void set(Fault fault) noexcept { fault_ = fault; }
  // Connections are refused, open ones closed.
  void refuse() {
    ending_ = true;
    server_.reset();
  }
  void accept() {
    ending_ = false;
    server_ = std::make_unique<FaultServer>([this](FaultServer::Connection& connection) { pass(connection); }, port_);
  }
  ~FaultProxy() { refuse(); }
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

 private:
  static constexpr int kPauseMs = 8;

  void pass(FaultServer::Connection& client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(upstream_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      pass_both_ways(client, server);
    }
    ::close(server);
  }

  void pass_both_ways(FaultServer::Connection& client, int server) {
    std::array<char, 16 * 1024> bytes;
    while (!ending_) {
      const bool is_held = fault_ == Fault::hold;
      std::array<pollfd, 2> ready{pollfd{client.fd(), POLLIN, 0},
                                  pollfd{server, static_cast<short>(is_held ? 0 : POLLIN), 0}};
      if (::poll(ready.data(), ready.size(), 50) <= 0) continue;
      if (ready[0].revents != 0) {
        const ssize_t got = ::recv(client.fd(), bytes.data(), bytes.size(), 0);
        if (got <= 0) return;
        if (fault_ == Fault::reset_request) return client.reset_on_close();
        (void)::send(server, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      }
      if ((ready[1].revents & POLLIN) != 0) {
        const ssize_t got = ::recv(server, bytes.data(), bytes.size(), 0);
        if (got <= 0 || !hand_on(client, {bytes.data(), static_cast<std::size_t>(got)})) return;
      }
    }
  }

  bool hand_on(FaultServer::Connection& client, std::string_view reply) {
    switch (fault_) {
      case Fault::reset_reply:
        client.send(reply.substr(0, reply.size() / 2));
        client.reset_on_close();
        return false;
      case Fault::half_close:
        client.send(reply.substr(0, reply.size() / 2));
        ::shutdown(client.fd(), SHUT_WR);
        client.wait_closed();
        return false;
      case Fault::garbage: return client.send("\x16\x03\x01 no such protocol\r\n") && client.send(reply);
      case Fault::drip:
        for (const char& byte : reply) {
          if (ending_ || !client.send({&byte, 1})) return false;
          std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
        }
        return true;
      default: return client.send(reply);
    }
  }

  const std::uint16_t upstream_;
  const std::uint16_t port_;
  std::atomic<Fault> fault_{Fault::none};
  std::atomic<bool> ending_{false};
  std::unique_ptr<FaultServer> server_;
};

}  // namespace semroute::test
