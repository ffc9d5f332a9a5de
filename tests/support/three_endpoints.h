// ThreeEndpoints: three servers of one http target, of which the last can be killed and brought back, and the
// configuration of a daemon that sends its requests to them.
//
// Lifetime: the servers end with it. Errors: as those of PeerProgram.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/peer_program.h"

namespace semroute::test {

class ThreeEndpoints {
 public:
  ThreeEndpoints() {
    for (int i = 0; i < 2; ++i) others_.push_back(std::make_unique<PeerProgram>(server()));
    third_.emplace(server());
    port_ = third_->port();
  }

  void kill_third() {
    ::kill(third_->pid(), SIGKILL);
    third_.reset();
  }
  // Returns once it listens.
  void bring_third_back() { third_.emplace(server(), port_); }

  // `keys` of the target, one a line.
  [[nodiscard]] std::string configuration(std::size_t workers, const std::string& keys) const {
    std::string endpoints;
    for (const auto& other : others_) endpoints += "{url: \"" + url(other->port()) + "\"}, ";
    return "workers: " + std::to_string(workers) +
           "\nindex: {dimension: 2}\ntargets:\n  - name: service\n    kind: http\n" + "    endpoints: [" + endpoints +
           "{url: \"" + url(port_) + "\"}]\n" + keys +
           "routes:\n  - {name: one, target: service, references: {vectors: [[1, 0]]}}\n";
  }

 private:
  static std::string url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port) + "/"; }
  static PeerProgram::Prepare server() {
    return nginx(R"(default_type application/json; location / { return 200 '{"answer":42}'; })");
  }

  std::vector<std::unique_ptr<PeerProgram>> others_;
  std::optional<PeerProgram> third_;
  std::uint16_t port_ = 0;
};

}  // namespace semroute::test
