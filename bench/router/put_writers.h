// PutWriters: put the routes that change, each its share of them by turns, on a connection of its own that is kept.
//
// Threads: one a writer; known_revision() any. Errors: those of PacedClient; a refused put is counted, and told on
// stderr. Lifetime: the routes outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/router/changing_routes.h"
#include "bench/router/paced_client.h"
#include "bench/router/reply_check.h"

namespace semroute::bench {

class PutWriters {
 public:
  static constexpr std::size_t kCount = 2;

  PutWriters(std::uint16_t port, const ChangingRoutes& routes);

  struct Outcome {
    PacedClient::Turn turn;
    std::vector<PutDone> done;
    std::uint64_t refused = 0;
    std::vector<double> us;  // from when each was sent
  };
  [[nodiscard]] Outcome write(std::size_t writer, const Pace& pace);

  // Of the newest put that was answered.
  [[nodiscard]] std::uint64_t known_revision() const { return known_revision_; }

 private:
  struct Writer {
    explicit Writer(std::uint16_t port) : client(port) {}
    PacedClient client;
    std::vector<PutDone> asked{};  // by id, from 1 on
  };

  std::span<char> next_frame(std::size_t writer, std::uint32_t id);
  void take(std::size_t writer, const PacedReply& reply, Outcome& outcome);

  const ChangingRoutes& routes_;
  std::deque<Writer> writers_;
  std::vector<std::string> frames_;  // by route that changes and content
  std::vector<std::size_t> next_content_;
  std::atomic<std::uint64_t> known_revision_{0};
};

}  // namespace semroute::bench
