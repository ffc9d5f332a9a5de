// HeldServer: an HTTP target that takes every request at once and answers none before it is told to.
//
// Threads: answer() may be called while it runs. Lifetime: the destructor answers what is still held.
#pragma once

#include <cstdint>
#include <future>

#include "tests/support/fault_server.h"

namespace semroute::test {

class HeldServer {
 public:
  HeldServer()
      : server_([go = go_.get_future().share()](FaultServer::Connection& connection) {
          while (connection.read_request()) {
            go.wait();
            if (!connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
                                 "{\"answer\":42}")) {
              return;
            }
          }
        }) {}
  HeldServer(const HeldServer&) = delete;
  HeldServer& operator=(const HeldServer&) = delete;
  ~HeldServer() { answer(); }

  [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }
  // From now on requests are answered with 200 and {"answer":42}.
  void answer() {
    if (!answered_) go_.set_value();
    answered_ = true;
  }

 private:
  std::promise<void> go_;
  bool answered_ = false;
  FaultServer server_;
};

}  // namespace semroute::test
