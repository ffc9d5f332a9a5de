// Building what bench_graph measures: the time and memory that takes, and peers kept in files for the next run.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/core/contender.h"
#include "bench/support/timing.h"

namespace semroute::bench {

struct Build {
  std::size_t threads = 0;
  Elapsed spent;                   // of all threads together; wall is what one waits
  std::size_t resident_bytes = 0;  // that the process grew by
  bool kept = false;               // read from a file: the figures are of the run that built it
};

// A graph index to measure. `make` gives an empty one.
struct Entry {
  std::string name;
  std::function<std::unique_ptr<Contender>()> make;
  std::vector<std::size_t> threads;  // that build it; the last one's is searched
  std::string file{};                // where it is kept between runs; empty: nowhere
};

// Built from `rows` with so many threads, or read from the entry's file for that number.
[[nodiscard]] std::unique_ptr<Contender> build(const Entry& entry, std::span<const float> rows, std::size_t threads,
                                               Build& took);

}  // namespace semroute::bench
