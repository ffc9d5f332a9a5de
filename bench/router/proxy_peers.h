// Nginx and HaProxy: the upstream and the proxy that bench_dispatch measures beside the daemon, started on free
// loopback ports with configurations of one worker or thread each.
//
// Lifetime: the program runs as long as the object; its files are in a temporary folder that goes with it.
// Errors: not installed (Debian: nginx-light, haproxy), or not listening after some seconds: ends the program.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/support/child_process.h"

namespace semroute::bench {

class Nginx {
 public:
  // Answers every request of a path that begins with /echo with `reply`, and keeps connections.
  explicit Nginx(const std::string& reply);
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  test::TemporaryFolder folder_;
  std::uint16_t port_;
  pid_t pid_;
};

// HTTP mode, one thread, kept connections on both sides.
class HaProxy {
 public:
  explicit HaProxy(std::uint16_t upstream_port);
  ~HaProxy();
  HaProxy(const HaProxy&) = delete;
  HaProxy& operator=(const HaProxy&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  test::TemporaryFolder folder_;
  std::uint16_t port_;
  pid_t pid_;
};

}  // namespace semroute::bench
