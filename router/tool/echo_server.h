// EchoServer: a small HTTP/1.1 server that answers every request with what it got, as JSON.
//
//   {"method":"POST","path":"/billing","headers":{"x-semroute-route":"billing"},"body":{"text":"hi"}}
//
// `headers` has those whose name starts with "x-", and traceparent; `body` is the JSON that came, or a string for other
// text, or null when empty; bytes that are no text are counted in `body_bytes` alone. Made for trying things on one's
// own machine: no TLS, no access control. Connections are kept alive, and bounded in number, header, body and idle time
// (limits.h).
// Threads: run() serves on the calling thread; stop() may be called from any.
// Errors: unavailable when the address cannot be listened on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "router/tool/endpoint.h"

namespace semroute::router::tool {

struct EchoedRequest {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
};

// What the server answers with, beside the echo.
struct EchoRules {
  unsigned status = 200;
  std::chrono::milliseconds delay{0};
};

[[nodiscard]] std::string echo_json(const EchoedRequest& request);

class EchoServer {
 public:
  using OnRequest = std::function<void(const EchoedRequest&)>;

  // Listens at once; port 0 takes a free one. `on_request` runs on run()'s thread, before the reply is sent.
  [[nodiscard]] static core::Result<std::unique_ptr<EchoServer>> listen(const Endpoint& endpoint, EchoRules rules,
                                                                        OnRequest on_request);
  ~EchoServer();
  [[nodiscard]] Endpoint address() const;
  // Until stop(), or until one of `signals` (SIGTERM, ...) arrives.
  void run(const std::vector<int>& signals);
  void stop();

 private:
  struct State;
  explicit EchoServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace semroute::router::tool
