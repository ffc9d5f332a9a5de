// Socat: a socat that listens, and does with every connection what its second address says.
//
// Lifetime: ends with its Socat. What it forked for a connection ends with that connection.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/support/child_process.h"
#include "tests/support/eventually.h"

namespace semroute::test {

class Socat {
 public:
  // `listen`: TCP4-LISTEN:0,... or UNIX-LISTEN:/path,...; `one_way`: it only reads from its clients.
  Socat(const std::string& listen, const std::string& serve, bool one_way = false)
      : pid_(spawn_program({"socat", "-d", "-d", one_way ? "-u" : "-d", listen, serve}, log_file(), {})) {
    constexpr const char* kListening = "listening on AF=";
    if (!eventually([&] { return file_text(log_file()).find(kListening) != std::string::npos; })) {
      ADD_FAILURE() << "socat does not listen: " << file_text(log_file());
      return;
    }
    const std::string log = file_text(log_file());
    const std::size_t line = log.find(kListening);
    const std::size_t colon = log.find(':', line);
    if (colon < log.find('\n', line)) port_ = static_cast<std::uint16_t>(std::atoi(log.c_str() + colon + 1));
  }
  Socat(const Socat&) = delete;
  Socat& operator=(const Socat&) = delete;
  ~Socat() {
    ::kill(pid_, SIGTERM);
    EXPECT_GE(wait_for_exit(pid_, 60), 0) << "socat did not end";
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // How often a client was accepted so far.
  [[nodiscard]] int connections() const {
    int count = 0;
    const std::string log = file_text(log_file());
    for (std::size_t at = 0; (at = log.find("accepting connection from", at)) != std::string::npos; ++at) ++count;
    return count;
  }

 private:
  [[nodiscard]] std::string log_file() const { return folder_.path() + "/log"; }

  TemporaryFolder folder_;
  pid_t pid_;
  std::uint16_t port_ = 0;
};

}  // namespace semroute::test
