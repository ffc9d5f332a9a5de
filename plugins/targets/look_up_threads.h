// LookUpThreads: the threads that look names up, since the system's resolver blocks and cannot be stopped.
//
// As many as there is to do, at most `most`; what comes beyond waits in line for one of them. A thread leaves when
// there is nothing left to do. One that hangs is one less until it comes back: how long anybody waits for a look-up is
// the waiting one's deadline, and who asks for the same name again has to wait for the one that runs
// (host_addresses.h), so that a name that hangs takes one thread and no more. Threads: any. Lifetime: threads are
// detached; one that hangs outlives this object.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace semroute::plugins {

// Of the process, for all targets together: names that hang at the same time before others have to wait for them.
inline constexpr std::size_t kMaxLookUpThreads = 64;

class LookUpThreads {
 public:
  explicit LookUpThreads(std::size_t most);
  // Those of the process.
  [[nodiscard]] static LookUpThreads& shared();

  // False: it will not run, for there is no thread and none could be started.
  [[nodiscard]] bool run(std::function<void()> job);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace semroute::plugins
