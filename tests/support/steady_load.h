// SteadyLoad: connections to the daemon, each with a window of requests on its way, one after another until it ends;
// what they are told is counted by word: "ok", an error's code, or "missing" where a connection ended first.
//
// Threads: one a connection; all members may be called while it runs. Lifetime: stop() waits for the last replies.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace semroute::test {

class SteadyLoad {
 public:
  using Outcomes = std::map<std::string, std::uint64_t>;

  // `members` of every request, all but its id: R"("embedding":[1,0])".
  SteadyLoad(std::uint16_t port, std::string members, std::size_t connections, std::size_t window);
  ~SteadyLoad() { stop(); }
  SteadyLoad(const SteadyLoad&) = delete;
  SteadyLoad& operator=(const SteadyLoad&) = delete;

  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_.load(); }
  [[nodiscard]] Outcomes outcomes() const;
  // Sends nothing more, and returns once all that was sent is answered.
  void stop();

 private:
  void run(std::uint16_t port, std::size_t window);
  void count(const std::string& word, std::uint64_t times = 1);

  const std::string members_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> answered_{0};
  mutable std::mutex mutex_;  // over the counts
  Outcomes outcomes_;
  std::vector<std::thread> clients_;
};

}  // namespace semroute::test
