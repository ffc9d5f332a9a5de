// Work over a range of items on several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace semroute::bench {

// work(begin, end, thread) for pieces of [0, count), one piece a thread; returns when all are done.
template <class Work>
void in_parallel(std::size_t count, std::size_t threads, const Work& work) {
  std::vector<std::jthread> others;
  const std::size_t piece = (count + threads - 1) / threads;
  for (std::size_t thread = 1; thread < threads; ++thread)
    others.emplace_back([&work, thread, piece, count] {
      work(std::min(count, thread * piece), std::min(count, (thread + 1) * piece), thread);
    });
  work(0, std::min(count, piece), 0);
}

}  // namespace semroute::bench
