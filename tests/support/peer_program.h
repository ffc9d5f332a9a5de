// PeerProgram: a server that is not ours (nginx, HAProxy, Python's http.server), as a test or benchmark starts it.
//
// Its files lie in a folder of its own, removed at the end. Lifetime: ended with its PeerProgram, and with the test
// program at the latest. Errors: one that is not there, or does not listen within a minute, throws with what it said.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/child_process.h"

namespace semroute::test {

// A port of 127.0.0.1 that nobody listens on now.
[[nodiscard]] std::uint16_t free_port();

class PeerProgram {
 public:
  // `prepare` writes what the program needs into its folder and gives the command, whose first word is a path.
  using Prepare = std::function<std::vector<std::string>(const TemporaryFolder& folder, std::uint16_t port)>;
  explicit PeerProgram(const Prepare& prepare, std::uint16_t port = free_port());
  ~PeerProgram();
  PeerProgram(const PeerProgram&) = delete;
  PeerProgram& operator=(const PeerProgram&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] const TemporaryFolder& folder() const noexcept { return folder_; }

 private:
  void wait_until_listening();

  TemporaryFolder folder_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

// Nginx as one process. `server` is what stands in its one server block beside `listen`; "@FOLDER@" is its folder, into
// which `files` (name, text) are written.
using Files = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] PeerProgram::Prepare nginx(std::string server, Files files = {}, std::string listen_options = "");

// HAProxy in HTTP mode, kept-alive connections on both sides, one thread; `servers` are lines of its one backend.
[[nodiscard]] PeerProgram::Prepare haproxy(std::string servers);

// Python's http.server in a folder that holds `files`, which it gives to GET alone.
[[nodiscard]] PeerProgram::Prepare python_http_server(Files files);

}  // namespace semroute::test
