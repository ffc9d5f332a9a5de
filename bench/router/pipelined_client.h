// PipelinedClient: keeps a window of requests in flight on each of a few connections, and checks every reply.
//
// The requests of a Script lie one after another in memory, so that all that are due go out with one call and
// the client costs little beside the daemon. A connection sends them in turn, from the first again after the last.
// Threads: the calling one. Errors: a lost connection or a wrong reply ends the program, naming it.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/tool/load.h"

namespace semroute::bench {

// Requests with the ids 1, 2, ... and what is the same in every reply to each: all but the `request_id`.
struct Script {
  router::tool::Wire wire = router::tool::Wire::binary;
  std::string bytes;
  std::vector<std::size_t> ends;       // of each request in `bytes`
  std::vector<std::string> decisions;  // of each reply: see decision_part

  [[nodiscard]] std::size_t count() const { return ends.size(); }
  [[nodiscard]] std::size_t begin_of(std::size_t request) const { return request == 0 ? 0 : ends[request - 1]; }
};

// The bytes of a reply that hold its decision: of a frame those between header and extras, of a line those from
// `"decision"` on.
[[nodiscard]] std::string_view decision_part(router::tool::Wire wire, std::string_view reply);

// A blocking connection to 127.0.0.1.
[[nodiscard]] int connect_to(std::uint16_t port);

class PipelinedClient {
 public:
  // `depth` requests in flight on each connection; at most as many as the script has.
  PipelinedClient(std::uint16_t port, const Script& script, std::size_t connections, std::size_t depth);
  ~PipelinedClient();
  PipelinedClient(const PipelinedClient&) = delete;
  PipelinedClient& operator=(const PipelinedClient&) = delete;

  // The replies as they came, one for each request of the script, one at a time. Not checked: this is how
  // decisions are learned.
  [[nodiscard]] std::vector<std::string> ask_all();
  struct Turn {
    std::uint64_t replies = 0;
    double seconds = 0.0;  // from the first request to the last reply
  };
  // Keeps the windows full for `duration`, then waits for what is in flight.
  Turn run(std::chrono::milliseconds duration);
  // Microseconds from a request's write to its reply's last byte, one at a time on the first connection.
  [[nodiscard]] std::vector<double> round_trips_us(std::size_t count);

 private:
  struct Connection {
    int fd = -1;
    std::size_t next_request = 0;  // position in the script
    std::size_t next_reply = 0;
    std::size_t in_flight = 0;
    std::vector<char> received;
    std::size_t received_bytes = 0;
  };

  void send(Connection& connection, std::size_t requests);
  std::size_t receive(Connection& connection);
  void receive_more(Connection& connection);
  [[nodiscard]] std::size_t reply_bytes(std::string_view received) const;
  void check(std::size_t request, std::string_view reply) const;
  // Until polled_ says of some connections that there is something to read.
  void wait_for_some();

  const Script& script_;
  std::size_t depth_;
  std::vector<Connection> connections_;
  std::vector<pollfd> polled_;  // one a connection
};

}  // namespace semroute::bench
