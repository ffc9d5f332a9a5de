// Turns: contenders measured beside each other. Within each round every one takes a turn, forwards and backwards by
// turns, and the median over the rounds counts: other work on the machine moves single runs by much more than the
// differences of interest, and a slow moment is felt by neighbours alike.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/support/timing.h"

namespace semroute::bench {

class Turns {
 public:
  // turn(who) works once for contender `who` and says what one unit of its work took (Elapsed).
  template <class Turn>
  Turns(std::size_t contenders, std::size_t rounds, const Turn& turn) : taken_(contenders) {
    for (std::size_t round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < contenders; ++i) {
        const std::size_t who = round % 2 == 0 ? i : contenders - 1 - i;
        taken_[who].push_back(turn(who));
      }
  }

  [[nodiscard]] const std::vector<Elapsed>& of(std::size_t who) const { return taken_[who]; }

  [[nodiscard]] Elapsed median_of(std::size_t who) const {
    std::vector<double> cpu;
    std::vector<double> wall;
    for (const Elapsed& one : taken_[who]) {
      cpu.push_back(one.cpu_us);
      wall.push_back(one.wall_us);
    }
    return {median(cpu), median(wall)};
  }

  // Of the rounds' ratios of processor time, so that a slow moment which both felt cancels.
  [[nodiscard]] double median_ratio(std::size_t a, std::size_t b) const {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < taken_[a].size(); ++round)
      ratios.push_back(taken_[a][round].cpu_us / taken_[b][round].cpu_us);
    return median(ratios);
  }

 private:
  std::vector<std::vector<Elapsed>> taken_;  // contender -> round
};

}  // namespace semroute::bench
