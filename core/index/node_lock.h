// NodeLock: holds the links of one node of a graph against other writers; readers never ask for it.
//
// Many nodes share a lock (kNodeLocks), so a thread holds one at a time. Held for microseconds: it spins, then yields.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace semroute::core {

inline constexpr std::size_t kNodeLocks = 4096;

class NodeLock {
 public:
  NodeLock(std::atomic_flag* locks, std::uint32_t node) noexcept : flag_(locks[node % kNodeLocks]) {
    for (unsigned tries = 0; flag_.test_and_set(std::memory_order_acquire); ++tries)
      if (tries % 64 == 63) std::this_thread::yield();
  }
  ~NodeLock() { flag_.clear(std::memory_order_release); }
  NodeLock(const NodeLock&) = delete;
  NodeLock& operator=(const NodeLock&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace semroute::core
