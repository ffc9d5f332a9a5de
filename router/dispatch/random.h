// Random: cheap numbers for a worker to sample and to share out by; nothing that has to be hard to guess.
//
// xorshift64* (Vigna, arXiv:1402.6246). Threads: one.
#pragma once

#include <cstdint>

namespace semroute::router {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed | 1U) {}

  // In [0, 1).
  double next() noexcept {
    state_ ^= state_ >> 12U;
    state_ ^= state_ << 25U;
    state_ ^= state_ >> 27U;
    return static_cast<double>((state_ * 0x2545F4914F6CDD1DULL) >> 11U) * 0x1.0p-53;
  }

 private:
  std::uint64_t state_;
};

}  // namespace semroute::router
