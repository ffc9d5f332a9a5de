// HttpBalancer: which endpoint a try goes to.
//
//   round_robin    in turn, each as often as its weight says, evenly spread (nginx's smooth weighted round robin)
//   least_request  of two taken at random by weight, the one with fewer requests in flight for its weight
//                  (Mitzenmacher, The power of two choices)
//   random         at random by weight
//
// Of those that may be used; among these, one not tried before by the same call when there is one.
// Complexity: linear in the endpoints. Threads: one; each worker has its own. No I/O and no clock: a random number is
// given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace semroute::plugins {

enum class HttpBalance : std::uint8_t { round_robin, least_request, random };

class HttpBalancer {
 public:
  struct Endpoint {
    std::uint32_t weight = 1;
    std::uint64_t in_flight = 0;
    bool usable = true;
    bool tried = false;
  };

  explicit HttpBalancer(HttpBalance balance) : balance_(balance) {}

  // None when no endpoint is usable. `random`: 64 uniform bits.
  [[nodiscard]] std::optional<std::size_t> pick(std::span<const Endpoint> endpoints, std::uint64_t random);

 private:
  [[nodiscard]] std::size_t pick_in_turn(std::span<const Endpoint> endpoints, bool tried);

  HttpBalance balance_;
  std::vector<std::int64_t> turns_;  // of round_robin: how much each has in hand
};

}  // namespace semroute::plugins
