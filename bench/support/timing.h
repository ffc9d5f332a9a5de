// Timing for the programs of bench/: a clock, medians, and a place for results so that no compiler
// drops the work. Threads: none shared; a Stopwatch is read by the thread that made it.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace semroute::bench {

// The processor time of this thread: on a busy machine, waiting for a turn is not part of a search.
class Stopwatch {
 public:
  [[nodiscard]] double elapsed_us() const { return now_us() - start_us_; }

 private:
  static double now_us() {
    ::timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
  }
  double start_us_ = now_us();
};

// Precondition: not empty.
[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The compiler must assume that `value` is read.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace semroute::bench
