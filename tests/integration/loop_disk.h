// LoopDisk: an ext4 of its own on a file, whose power can be cut: what was not synced is lost.
//
// Mounted in a mount namespace of this thread and of the programs it starts, so that neither mount nor loop device is
// left behind, however the test program ends. Needs root and loop devices: problem() says what is missing. Threads: the
// one that made it. Lifetime: what uses the disk has ended before it does.
#pragma once

#include <string>

#include "tests/support/child_process.h"

namespace semroute::test {

class LoopDisk {
 public:
  LoopDisk();
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  // Why there is none; empty: it is mounted.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // Every call fails from now on, and what was not synced is lost. False: errno says why.
  [[nodiscard]] bool cut_power() const;
  // Unmounts and mounts it, as a start of the machine does.
  [[nodiscard]] bool restart();
  [[nodiscard]] bool make_read_only(bool read_only);

 private:
  bool mount();
  bool unmount();
  bool run(const std::string& command);

  // In memory syncs cost nothing, so that most of the time something is written and not yet synced.
  TemporaryFolder folder_{memory_folder()};
  std::string path_;
  std::string problem_;
  int old_namespace_ = -1;
  bool own_namespace_ = false;
  bool mounted_ = false;
};

}  // namespace semroute::test
