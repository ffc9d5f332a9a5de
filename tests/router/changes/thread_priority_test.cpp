#include "router/changes/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

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

// Older kernels give every thread turns of the same length.
bool takes_lengths_of_turns() {
  ::utsname system{};
  ::uname(&system);
  int major = 0;
  int minor = 0;
  char dot = '.';
  std::istringstream(system.release) >> major >> dot >> minor;
  return std::pair(major, minor) >= std::pair(6, 12);
}

TEST(ThreadPriority, IsBelowThatOfTheProcessForTheThreadAndThoseItStarts) {
  const int before = nice_of_this();
  const int wanted = std::min(before + kWorkingNice, 19);
  const std::optional<std::string> slice_before = slice_ns();
  std::optional<std::string> wanted_slice = slice_before;
  if (slice_before && takes_lengths_of_turns())
    wanted_slice = std::to_string(std::chrono::nanoseconds(kWorkingTurn).count());
  std::thread([&] {
    yield_to_requests();
    EXPECT_EQ(nice_of_this(), wanted);
    EXPECT_EQ(slice_ns(), wanted_slice);
    std::thread([&] {
      EXPECT_EQ(nice_of_this(), wanted);
      EXPECT_EQ(slice_ns(), wanted_slice);
    }).join();
  }).join();
  EXPECT_EQ(nice_of_this(), before);
  EXPECT_EQ(slice_ns(), slice_before);
}

}  // namespace
}  // namespace semroute::router
