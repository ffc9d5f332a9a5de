// The names of a store's files: log_00000007, snapshot_00000007, what is on its way to them (.new), what was kept
// aside.
//
// Log segments and snapshots count together: snapshot N holds all that the segments before N say, and segment N goes on
// from there. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::core {

inline constexpr std::string_view kLockName = "lock";
inline constexpr std::string_view kNewEnding = ".new";
inline constexpr std::string_view kKeptPrefix = "kept_";
inline constexpr std::string_view kTailPrefix = "tail_of_";

[[nodiscard]] std::string log_name(std::uint64_t number);
[[nodiscard]] std::string snapshot_name(std::uint64_t number);
// The number of a name that log_name or snapshot_name gives.
[[nodiscard]] std::optional<std::uint64_t> log_number(std::string_view name) noexcept;
[[nodiscard]] std::optional<std::uint64_t> snapshot_number(std::string_view name) noexcept;

// The files of a folder by what they are; other names are not the store's.
struct StoreFiles {
  std::vector<std::uint64_t> logs;       // ascending
  std::vector<std::uint64_t> snapshots;  // ascending
  std::vector<std::string> leftovers;    // *.new of a log or snapshot: what a crash interrupted
  std::vector<std::string> kept;
  [[nodiscard]] bool empty() const noexcept { return logs.empty() && snapshots.empty(); }
};
// `names` bytewise ordered.
[[nodiscard]] StoreFiles sort_files(const std::vector<std::string>& names);

// A name for what is kept aside of `name`, that none of `taken` has: kept_NAME_1, kept_NAME_2, ...
[[nodiscard]] std::string kept_name(std::string_view name, const std::vector<std::string>& taken);

}  // namespace semroute::core
