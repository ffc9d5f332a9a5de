#include "router/changes/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

namespace semroute::router {
namespace {

// What the kernel says of the calling thread; empty: nothing.
std::optional<std::string> slice_ns() {
  std::ifstream file("/proc/self/task/" + std::to_string(::gettid()) + "/sched");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("se.slice")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::string number;
    words >> number;
    return number;
  }
  return std::nullopt;
}

int nice_of_this() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

TEST(ThreadPriority, IsBelowThatOfTheProcessForTheThreadAndThoseItStarts) {
  const int before = nice_of_this();
  const int wanted = std::min(before + kWorkingNice, 19);
  const std::optional<std::string> slice_before = slice_ns();
  std::thread([&] {
    yield_to_requests();
    EXPECT_EQ(nice_of_this(), wanted);
    // A kernel that keeps a turn's length in nanoseconds keeps the one that it was told; older ones have none.
    if (slice_before) EXPECT_EQ(*slice_ns(), std::to_string(std::chrono::nanoseconds(kWorkingTurn).count()));
    std::thread([&] {
      EXPECT_EQ(nice_of_this(), wanted);
      EXPECT_EQ(slice_ns().has_value(), slice_before.has_value());
      if (slice_before) EXPECT_EQ(*slice_ns(), std::to_string(std::chrono::nanoseconds(kWorkingTurn).count()));
    }).join();
  }).join();
  EXPECT_EQ(nice_of_this(), before);
  EXPECT_EQ(slice_ns(), slice_before);
}

}  // namespace
}  // namespace semroute::router
