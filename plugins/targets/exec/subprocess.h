// Subprocess: a program in a process group of its own, spoken to through pipes.
//
// It gets the environment that it is given and nothing else, the three pipes and no other descriptor, default signal
// dispositions, no core files and no new privileges; it is killed when the thread that started it ends. What it starts
// itself and leaves in its group ends with it: end_group().
// Started by vfork, whose cost does not depend on the size of this process; between it and exec only calls are made
// that touch nothing but the child. Threads: any, one at a time. Errors: resource_exhausted, not_found, forbidden or
// internal, naming the call. Lifetime: the destructor closes the pipes, kills the group and reaps; give it time to end
// before (terminate(), exit()).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "plugins/targets/exec/settings.h"

namespace semroute::plugins {

// A descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

class Subprocess {
 public:
  [[nodiscard]] static core::Result<Subprocess> start(const ExecSettings& settings);

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&&) = delete;
  ~Subprocess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Ours to take over; not blocking.
  Descriptor input;   // its stdin
  Descriptor output;  // its stdout
  Descriptor errors;  // its stderr
  // Readable once it has ended.
  Descriptor ended;

  // SIGTERM to the group.
  void terminate() const noexcept;
  // SIGKILL to the group.
  void kill() const noexcept;
  // Reaps it when it has ended, after killing what is left of its group: "exit code 3", "signal 9". Nothing: it runs.
  [[nodiscard]] std::optional<std::string> reap() noexcept;

 private:
  Subprocess() = default;
  pid_t pid_ = -1;  // until it is reaped
};

// The file that a command's first word names: itself when it has a '/', else the first of that name in PATH.
[[nodiscard]] std::optional<std::string> find_program(const std::string& word, const std::string& folder);

}  // namespace semroute::plugins
