// ExecSettings: what the own keys of an exec target said, checked; shared as const by all threads.
// The bounds of exec targets that are not keys, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace semroute::plugins {

struct ExecSettings {
  std::vector<std::string> command;      // the first: a path, found already
  std::vector<std::string> environment;  // "NAME=value"; all that a process gets
  std::string folder;                    // in which it runs; empty: the daemon's
  std::size_t processes = 1;
  bool idempotent = false;
  std::chrono::milliseconds timeout{60'000};
  std::size_t pending = 256;
  std::size_t max_reply_bytes = std::size_t{8} << 20;
  std::optional<std::size_t> memory_bytes;  // of address space
  std::size_t open_files = 256;
};

inline constexpr std::chrono::milliseconds kExecFirstBackoff{100};  // doubled with every run that answers nothing
inline constexpr std::chrono::milliseconds kExecLongestBackoff{30'000};
// How long requests wait for a process to be started again after one of them has ended it; beyond, they are better
// served by another target.
inline constexpr std::chrono::milliseconds kExecPatience{1'000};
inline constexpr std::chrono::milliseconds kExecGrace{1'000};  // from SIGTERM to SIGKILL
inline constexpr std::size_t kExecMaxProcesses = 256;
inline constexpr std::size_t kExecLeastMemory = std::size_t{4} << 20;  // in less not even a shell starts
inline constexpr std::size_t kExecMaxLogLine = 1'024;                  // bytes of stderr that make a line of the log
inline constexpr std::size_t kExecLogLines = 100;                      // a second and process; the rest is counted

}  // namespace semroute::plugins
