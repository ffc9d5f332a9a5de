// Timing for the programs of bench/: a clock of two times, quantiles, and a place for results so that no compiler drops
// the work. Threads: none shared; a Stopwatch is read by the thread that made it.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace semroute::bench {

// Processor time does not count waiting for a turn on a busy machine; wall time is what a user waits.
struct Elapsed {
  double cpu_us = 0.0;
  double wall_us = 0.0;
};

[[nodiscard]] inline Elapsed operator/(const Elapsed& all, double parts) {
  return {all.cpu_us / parts, all.wall_us / parts};
}

class Stopwatch {
 public:
  // The processor time of this thread, or with CLOCK_PROCESS_CPUTIME_ID that of all threads together.
  explicit Stopwatch(::clockid_t cpu_clock = CLOCK_THREAD_CPUTIME_ID)
      : cpu_clock_(cpu_clock), start_{now_us(cpu_clock), now_us(CLOCK_MONOTONIC)} {}

  [[nodiscard]] Elapsed elapsed() const {
    return {now_us(cpu_clock_) - start_.cpu_us, now_us(CLOCK_MONOTONIC) - start_.wall_us};
  }
  [[nodiscard]] double elapsed_us() const { return elapsed().cpu_us; }

 private:
  static double now_us(::clockid_t clock) {
    ::timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
  }
  ::clockid_t cpu_clock_;
  Elapsed start_;
};

// The processor time of another process so far; 0 when there is no such process.
[[nodiscard]] inline double process_cpu_us(::pid_t pid) {
  ::clockid_t clock{};
  ::timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0.0;
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) * 1e-3;
}

// The value that `share` (0..1) of the values lie below. Precondition: not empty.
[[nodiscard]] inline double quantile(std::vector<double> values, double share) {
  const std::size_t place =
      std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * share));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

[[nodiscard]] inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

// Of the rounds' ratios, so that a slow moment which both felt cancels. Rounds that only one has are left out.
[[nodiscard]] inline double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < std::min(a.size(), b.size()); ++round) ratios.push_back(a[round] / b[round]);
  return median(std::move(ratios));
}

// The compiler must assume that `value` is read.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

// Processor time of doing `work` once, the median of the rounds; each does it for `turn_us` at least.
template <class Work>
[[nodiscard]] double median_us(std::size_t rounds, double turn_us, const Work& work) {
  work();
  const Stopwatch first;
  work();
  const std::size_t repeats = 1 + static_cast<std::size_t>(turn_us / first.elapsed_us());
  std::vector<double> us;
  for (std::size_t round = 0; round < rounds; ++round) {
    const Stopwatch watch;
    for (std::size_t i = 0; i < repeats; ++i) work();
    us.push_back(watch.elapsed_us() / static_cast<double>(repeats));
  }
  return median(std::move(us));
}

}  // namespace semroute::bench
