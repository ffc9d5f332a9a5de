// Client: a blocking connection to the daemon's `listen` address, for lines and for frames.
//
// A connection speaks one of the two, chosen by the first bytes sent. Replies may arrive in another
// order than their requests; a caller that keeps several in flight tells them apart by id. A caller that keeps many in
// flight stays at or below the daemon's limits.max_in_flight. Threads: one at a time. Lifetime: the destructor closes
// the connection. Errors: unavailable (cannot connect, or the connection ended), timeout (nothing came in time; the
// connection is closed), too_large (a reply over kMaxReplyBytes), internal (bytes that are no reply); each message says
// what to do.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "router/tool/limits.h"

namespace semroute::router::tool {

class Client {
 public:
  // `server` is "HOST:PORT".
  [[nodiscard]] static core::Result<Client> connect(const std::string& server,
                                                    std::chrono::milliseconds timeout = kConnectTimeout);
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  ~Client();

  // All of `bytes`: lines with their "\n", or frames.
  [[nodiscard]] core::Result<void> send(std::string_view bytes, std::chrono::milliseconds timeout = kReplyTimeout);
  // The next line, without its "\n".
  [[nodiscard]] core::Result<std::string> receive_line(std::chrono::milliseconds timeout = kReplyTimeout);
  // The next frame, header and body.
  [[nodiscard]] core::Result<std::string> receive_frame(std::chrono::milliseconds timeout = kReplyTimeout);

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace semroute::router::tool
