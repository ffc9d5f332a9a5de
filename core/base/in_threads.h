// in_threads: work on a range of numbers, shared evenly among some threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace semroute::core {

// work(begin, end) for parts of [0, count), one a thread, the caller's among them; returns when all are done.
// What `work` throws ends the process, on any thread: others may wait for what it would have done.
template <class Work>
void in_threads(std::size_t count, std::size_t threads, const Work& work) {
  const std::size_t parts = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(count, 1));
  const auto run = [&](std::size_t part) noexcept { work(count * part / parts, count * (part + 1) / parts); };
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part) others.emplace_back([&run, part] { run(part); });
  run(0);
}

}  // namespace semroute::core
